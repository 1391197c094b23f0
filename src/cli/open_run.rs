//! A run directory with the pipeline that made it.

use super::exit::UsageError;
use crate::inspect::run_folders;
use crate::pipeline::{Context, StageError};
use crate::run::reopen;
use crate::store::{RunDir, RunRecord};
use std::path::Path;
use std::sync::Arc;

/// An opened run.
pub(crate) struct OpenRun {
    pub(crate) context: Arc<Context>,
    pub(crate) run_dir: RunDir,
    pub(crate) record: RunRecord,
}

/// Opens the run directory at `root` with its own pipeline and `sets` on top.
pub(crate) fn open(
    root: &Path,
    sets: &[String],
    notice: impl Fn(&str) + Send + Sync + 'static,
) -> anyhow::Result<OpenRun> {
    let run_dir = RunDir::at(root, None)?.begun()?;
    run_dir.create()?;
    run_dir.make_all_local(&run_folders())?;
    let record = run_dir.record()?;
    let context = reopen(&run_dir, sets, Box::new(notice)).map_err(|error| match error {
        // The error lists all wrong settings, each with its line.
        StageError::Config(error) => error.into(),
        error => anyhow::Error::from(UsageError(format!(
            "{error}\n  if the model was moved after the run, name its new folder: --set model.path=…"
        ))),
    })?;
    Ok(OpenRun { context: Arc::new(context), run_dir, record })
}
