//! A worker's record of itself: `workers/I-of-N.json`.

use crate::store::process_id::ProcessId;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The state of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// It works, or waits for others at a stage's end.
    Working,
    /// All is done.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was asked to stop.
    Interrupted,
    /// It left because others had not finished what comes before.
    Incomplete,
}

impl std::fmt::Display for WorkerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Working => "working",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Incomplete => "incomplete",
        })
    }
}

/// What a worker says of itself. Nothing is decided from it but whether its writer lives: by the process where that can
/// be seen, else by `beat`, which goes up while it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// `I-of-N`.
    pub worker: String,
    /// Whether it wants the run directory for itself.
    pub exclusive: bool,
    /// The process.
    #[serde(flatten)]
    pub(in crate::store) process_id: ProcessId,
    /// How it stands.
    pub state: WorkerState,
    /// The stage that it is in.
    pub stage: String,
    /// Units it is working on, as `stage/name`.
    pub under_way: Vec<String>,
    /// Units it has finished since it began.
    pub units: u64,
    /// Those of this stage.
    pub stage_units: u64,
    /// Wall time that these took, one by one.
    pub stage_seconds: f64,
    /// Units that failed.
    pub failed: u64,
    /// When it began, by its clock, in seconds since 1970.
    pub began: f64,
    /// When it wrote this, by its clock.
    pub time: f64,
    /// Counts up while it lives.
    pub beat: u64,
    /// Its last word, if it did not end well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Seconds since 1970, to the millisecond.
pub(super) fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_secs_f64() * 1000.0).round() / 1000.0
}

impl WorkerRecord {
    pub(super) fn new(worker: &str, exclusive: bool) -> Self {
        Self {
            worker: worker.to_owned(),
            exclusive,
            process_id: ProcessId::this(),
            state: WorkerState::Working,
            stage: String::new(),
            under_way: Vec::new(),
            units: 0,
            stage_units: 0,
            stage_seconds: 0.0,
            failed: 0,
            began: now(),
            time: now(),
            beat: 0,
            message: String::new(),
        }
    }

    /// The machine.
    pub fn host(&self) -> &str {
        &self.process_id.host
    }

    /// Process and host.
    pub fn process(&self) -> String {
        self.process_id.to_string()
    }

    /// Whether the worker lives; `None` where that shows only in time.
    pub fn lives(&self) -> Option<bool> {
        match self.state {
            WorkerState::Working => self.process_id.lives(&ProcessId::this()),
            _ => Some(false),
        }
    }

    /// Whether its numbers may have changed since `before`: the same writer, and no further beat.
    pub(super) fn stands_as(&self, before: &Self) -> bool {
        self.process_id == before.process_id && self.beat == before.beat
    }
}
