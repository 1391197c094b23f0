//! Running a pipeline from Rust.

use crate::config;
use crate::engine::{Cancel, FlowError, Progress, ProgressStyle, RunOptions};
use crate::inspect::run_folders;
use crate::pipeline::{Context, STAGES};
use crate::run::{self, PipelineFile, RunOutcome};
use crate::store::{EventLog, FolderLock, RunDir, WorkerSession, WorkerState};
use crate::threads;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a pipeline can't be read or run. The message names the file, the line, the shard or the key, and the cure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The pipeline file, or a setting given beside it.
    #[error("{0}")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The run. What was finished stays finished: the same call goes on from there.
    #[error("{0}")]
    Run(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The run was stopped by [`Stop`].
    #[error("interrupted")]
    Interrupted,
}

/// A pipeline file, read and checked.
///
/// The same file runs with `coda-pipe run FILE`; both leave the same run directory, and each goes on where the other
/// stopped. `docs/settings.md` lists the keys.
///
/// ```no_run
/// let summary = coda_pipe::Pipeline::from_toml("pipelines/demo.toml")?
///     .set("discover.ipc=5")?
///     .run(&coda_pipe::Stop::default())?;
/// println!("{} images of {} classes in {}", summary.images, summary.classes, summary.run_dir.display());
/// # Ok::<(), coda_pipe::PipelineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pipeline {
    file: PathBuf,
    sets: Vec<String>,
    settings: config::Pipeline,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The run directory.
    pub run_dir: PathBuf,
    /// The folder of the distilled shards (WebDataset tars).
    pub distilled: PathBuf,
    /// Classes distilled.
    pub classes: usize,
    /// Images generated, without those in `failed`.
    pub images: usize,
    /// Samples of the data set that were left out; `quarantine.parquet` lists them with the reasons.
    pub left_out: usize,
    /// Images that came to nothing, by sample key.
    pub failed: Vec<String>,
}

/// Asks a run to stop; clones share the request. Units under way may finish for twenty seconds.
#[derive(Debug, Clone, Default)]
pub struct Stop(Cancel);

impl Stop {
    /// Asks the run to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

impl Pipeline {
    /// Reads and checks a pipeline file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// [`PipelineError::Settings`] with all that is wrong, each with its line.
    pub fn from_toml(file: impl AsRef<Path>) -> Result<Self, PipelineError> {
        let file = file.as_ref().to_path_buf();
        let settings = load(&file, &[])?;
        Ok(Self { file, sets: Vec::new(), settings })
    }

    /// Overrides a setting: `section.key=value`, as `--set` does. Relative paths start at the current folder.
    ///
    /// # Errors
    /// [`PipelineError::Settings`] if there is no such key, or the value does not fit it.
    pub fn set(self, setting: &str) -> Result<Self, PipelineError> {
        let mut sets = self.sets;
        sets.push(setting.to_owned());
        let settings = load(&self.file, &sets)?;
        Ok(Self { file: self.file, sets, settings })
    }

    /// The run directory that the settings name.
    pub fn run_dir(&self) -> PathBuf {
        self.settings.run_dir()
    }

    /// Runs all stages, or goes on with an interrupted run. Progress goes to stderr. Blocks the calling thread.
    ///
    /// # Errors
    /// [`PipelineError::Run`] with the first stage that does not end well; [`PipelineError::Interrupted`] after a stop.
    pub fn run(&self, stop: &Stop) -> Result<Summary, PipelineError> {
        // On a thread of its own: an asynchronous runtime of the caller's would not let another one block.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("pipeline".into());
            let run = thread.spawn_scoped(scope, || self.run_here(stop)).map_err(failed)?;
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn run_here(&self, stop: &Stop) -> Result<Summary, PipelineError> {
        // Another caller may have started the threads of the arithmetic before.
        let _ = threads::start_arithmetic(usize::MAX, true);
        let run_dir = RunDir::at(&self.run_dir(), None).map_err(failed)?;
        let progress = Arc::new(Progress::new(ProgressStyle::detect()));
        let (_lock, session) = self.lock(&run_dir, &progress)?;
        let context = self.context(&run_dir, &progress)?;
        let runtime = threads::runtime(context.workers()).map_err(failed)?;
        let outcome = runtime.block_on(self.execute(context, &run_dir, &progress, stop));
        if let (Ok(_), Some(session)) = (&outcome, session) {
            // For people: nothing depends on the record.
            let _ = session.leave(WorkerState::Finished, "");
        }
        // Units that were dropped may still sit in a blocking call; nothing waits for their answer.
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(self.summary(&run_dir, &outcome?))
    }

    fn lock(
        &self,
        run_dir: &RunDir,
        progress: &Progress,
    ) -> Result<(FolderLock, Option<WorkerSession>), PipelineError> {
        run_dir.create().map_err(failed)?;
        let say = |message: &str| progress.say(message);
        let lock = run_dir.join_alone(say).map_err(failed)?;
        run_dir.sweep(&run_folders()).map_err(failed)?;
        Ok(lock)
    }

    fn context(
        &self,
        run_dir: &RunDir,
        progress: &Arc<Progress>,
    ) -> Result<Arc<Context>, PipelineError> {
        let shown = progress.clone();
        let notice = Box::new(move |message: &str| shown.say(message));
        let folder = self.file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let purpose = run::purpose(&(0..=STAGES.len() - 1));
        let settings = self.settings.clone();
        let context = Context::open_for(purpose, settings, run_dir.clone(), folder, notice);
        context.map(Arc::new).map_err(failed)
    }

    async fn execute(
        &self,
        context: Arc<Context>,
        run_dir: &RunDir,
        progress: &Progress,
        stop: &Stop,
    ) -> Result<RunOutcome, PipelineError> {
        let events = EventLog::open(run_dir, None).map_err(failed)?;
        let options = RunOptions {
            run_dir,
            events: &events,
            progress,
            cancel: &stop.0,
            force: false,
            retry_failed: false,
            worker: None,
        };
        let file = PipelineFile { path: &self.file, sets: &self.sets };
        let outcome = file.run(context.clone(), &options, 0..=STAGES.len() - 1).await;
        let outcome = outcome.map_err(|error| match error {
            FlowError::Cancelled(_) => PipelineError::Interrupted,
            other => failed(other),
        })?;
        run::note_runtime(&context, run_dir).map_err(failed)?;
        file.keep(run_dir).map_err(failed)?;
        Ok(outcome)
    }

    fn summary(&self, run_dir: &RunDir, outcome: &RunOutcome) -> Summary {
        let found = &outcome.findings;
        Summary {
            run_dir: run_dir.root().to_path_buf(),
            distilled: run_dir.path("distilled"),
            classes: found.classes,
            images: found.cores - found.failed.len(),
            left_out: found.faults.len() + found.lost_shards.len(),
            failed: found.failed.iter().map(|fault| fault.key.clone()).collect(),
        }
    }
}

fn load(file: &Path, sets: &[String]) -> Result<config::Pipeline, PipelineError> {
    config::Pipeline::load(file, sets).map_err(|error| PipelineError::Settings(error.into()))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> PipelineError {
    PipelineError::Run(error.into())
}
