//! Opens a finished run, for the commands that read its results.

use crate::engine::{Cancel, FlowError, Progress, ProgressStyle, RunOptions};
use crate::inspect::run_folders;
use crate::pipeline::{Context, StageError};
use crate::quality::Spread;
use crate::run::{reopen, require};
use crate::store::{EventLog, FolderLock, RunDir};
use crate::threads;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A finished run, held by its lock.
pub(crate) struct FinishedRun {
    context: Arc<Context>,
    run_dir: RunDir,
    progress: Arc<Progress>,
    _lock: FolderLock,
}

impl FinishedRun {
    /// Opens the run in `run_dir`; `stage` must be complete.
    pub(crate) fn open(run_dir: &Path, stage: &str) -> anyhow::Result<Self> {
        let run_dir = RunDir::at(run_dir, None)?.begun()?;
        run_dir.create()?;
        require(&run_dir, stage)?;
        let progress = Arc::new(Progress::new(ProgressStyle::detect()));
        let shown = progress.clone();
        let context = reopen(&run_dir, &[], Box::new(move |message: &str| shown.say(message)))?;
        let lock = run_dir.lock_alone(|message| progress.say(message))?;
        run_dir.sweep(&run_folders())?;
        run_dir.make_all_local(&run_folders())?;
        Ok(Self { context: Arc::new(context), run_dir, progress, _lock: lock })
    }

    /// Runs `work`, which signals can stop.
    pub(crate) fn work<T>(
        &self,
        work: impl AsyncFnOnce(Arc<Context>, &RunOptions<'_>) -> Result<T, FlowError<StageError>>,
    ) -> anyhow::Result<T> {
        let runtime = threads::runtime(self.context.workers())?;
        let result = runtime.block_on(async {
            let (events, cancel) = (EventLog::none(), Cancel::default());
            super::signals::listen(cancel.clone())?;
            let options = RunOptions {
                run_dir: &self.run_dir,
                events: &events,
                progress: &self.progress,
                cancel: &cancel,
                force: false,
                retry_failed: false,
                worker: None,
            };
            Ok(work(self.context.clone(), &options).await?)
        });
        // Units that were dropped may still sit in a blocking call; nothing waits for their answer.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }
}

/// A share in percent, with its deviation where it has one.
pub(crate) fn percent(spread: Spread) -> String {
    let mean = 100.0 * spread.mean;
    match spread.std {
        Some(std) => format!("{mean:.1} ± {:.1}", 100.0 * std),
        None => format!("{mean:.1}"),
    }
}
