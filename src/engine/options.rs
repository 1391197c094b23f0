//! The options of a run.

use super::cancel::Cancel;
use super::progress::Progress;
use super::scheduler::WorkerRole;
use crate::store::{EventLog, RunDir};

/// The options that all stages of a run share.
#[derive(Debug, Clone)]
pub struct RunOptions<'a> {
    /// The run directory.
    pub run_dir: &'a RunDir,
    /// The run's log.
    pub events: &'a EventLog,
    /// The display of progress.
    pub progress: &'a Progress,
    /// The request to stop the run.
    pub cancel: &'a Cancel,
    /// Remove and redo results of other settings.
    pub force: bool,
    /// Repeat units whose receipts carry faults that another attempt may remove.
    pub retry_failed: bool,
    /// The role of this process among several workers; `None` if it runs alone.
    pub worker: Option<WorkerRole>,
}
