//! A run of a pipeline file, with its records: `run.json`, `events.jsonl`, `pipeline.toml`.

use super::{RunOutcome, StageRange, run};
use crate::engine::{FlowError, RunOptions};
use crate::pipeline::{Context, StageError};
use crate::shards::without_logins_in;
use crate::store::{RunDir, RunRecord, StoreError};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// A pipeline file and the settings of the command line.
#[derive(Debug, Clone, Copy)]
pub struct PipelineFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// `KEY=VALUE` each.
    pub sets: &'a [String],
}

impl PipelineFile<'_> {
    /// Runs the stages of `range`, and records begin and end in the events.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(
        &self,
        context: Arc<Context>,
        options: &RunOptions<'_>,
        range: StageRange,
    ) -> Result<RunOutcome, FlowError<StageError>> {
        let record = self.record(&context, options.run_dir)?;
        options.events.record("run_started", json!({"settings": record.settings}));
        let result = run(context, options, range, record).await;
        let downloaded = options.run_dir.downloaded_bytes();
        let fields = match &result {
            Ok(_) => json!({"ok": true, "downloaded_bytes": downloaded}),
            Err(error) => {
                json!({"ok": false, "downloaded_bytes": downloaded, "error": error.to_string()})
            }
        };
        options.events.record("run_finished", fields);
        result
    }

    /// Copies the file into the run directory, only after a successful run: after a refusal the directory still holds another
    /// pipeline's results.
    ///
    /// # Errors
    /// If the file can't be read, or the copy can't be written.
    pub fn keep(&self, run_dir: &RunDir) -> Result<(), StoreError> {
        let text = std::fs::read_to_string(self.path)
            .map_err(StoreError::io("read the pipeline file", self.path))?;
        run_dir.write("pipeline.toml", without_logins_in(&text).as_bytes()).map(drop)
    }

    fn record(
        &self,
        context: &Context,
        run_dir: &RunDir,
    ) -> Result<RunRecord, FlowError<StageError>> {
        // An unreadable record does not stop the run: the record is only shown, and is replaced here.
        let before = run_dir.record().unwrap_or_default();
        let settings = serde_json::to_string(&context.pipeline)
            .and_then(|text| serde_json::from_str(&without_logins_in(&text)))
            .map_err(|e| StageError::Other(format!("the settings: {e}")));
        let settings = settings
            .map_err(|error| FlowError::Planning { stage: "settings", source: Box::new(error) })?;
        Ok(RunRecord {
            program: concat!("coda-pipe ", env!("CARGO_PKG_VERSION")).into(),
            pipeline: self.path.display().to_string(),
            folder: std::env::current_dir().unwrap_or_default(),
            sets: self.sets.iter().map(|set| without_logins_in(set)).collect(),
            settings,
            runtime: before.runtime,
            stages: before.stages,
        })
    }
}

/// Adds ONNX Runtime and the devices to `run.json`, if models ran.
///
/// # Errors
/// If the record can't be read or written.
pub fn note_runtime(context: &Context, run_dir: &RunDir) -> Result<(), StoreError> {
    if let Some(loaded) = context.loaded() {
        let mut record = run_dir.record()?;
        // Of many workers that say the same, one writes it.
        if record.runtime != loaded {
            record.runtime = loaded;
            run_dir.write_record(&record)?;
        }
    }
    Ok(())
}
