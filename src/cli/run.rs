//! `coda-pipe run`.

use super::exit::{Exit, TryLater, UsageError, interrupted};
use super::open_run::OpenRun;
use super::report;
use super::report::ReportOptions;
use super::run_dir_lock::{RunDirLock, WorkerArgs};
use super::run_summary;
use crate::config::Pipeline;
use crate::engine::{Cancel, Partition, Progress, ProgressStyle, RunOptions};
use crate::inspect::run_folders;
use crate::pipeline::Context;
use crate::pipeline::{STAGES, position, stage_names};
use crate::run;
use crate::run::{PipelineFile, StageRange, note_runtime};
use crate::store::{EventLog, RunDir, RunRecord};
use anyhow::Context as _;
use clap::{Args, builder::PossibleValuesParser};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The message of a worker that would otherwise start the same unit again forever.
const TOO_SHORT: &str = "SIGUSR1 came before this worker had finished one unit: the job's time must be longer than the \
longest unit, or the same units are started again and again\ngive the job more time (Slurm: --time; `coda-pipe status` \
shows the seconds of a unit)";

/// Run a pipeline, or continue an interrupted run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file
    pipeline: PathBuf,
    /// The run directory, in place of [output] run_dir: a folder, or a URL of an object store (s3://, gs://, az://)
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Folder for local copies of files when the run directory is in an object store
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Run only this stage
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(stage_names()), conflicts_with_all = ["from", "until"])]
    only: Option<String>,
    /// Run from this stage on; the stages before must be complete
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(stage_names()))]
    from: Option<String>,
    /// Run up to and including this stage
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(stage_names()))]
    until: Option<String>,
    /// Override a setting: section.key=value, or key=value where only one section has the key
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove and redo results of other settings or inputs
    #[arg(long)]
    pub(super) force: bool,
    /// Generate failed images again, and redo what is made from them
    #[arg(long)]
    retry_failed: bool,
    /// Print a summary as JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    worker: WorkerArgs,
}

impl Run {
    /// `coda-pipe run PIPELINE` with `sets`.
    pub(crate) fn of(pipeline: PathBuf, sets: Vec<String>) -> Self {
        Self {
            pipeline,
            run_dir: None,
            scratch: None,
            only: None,
            from: None,
            until: None,
            sets,
            dry_run: false,
            force: false,
            retry_failed: false,
            json: false,
            worker: WorkerArgs::default(),
        }
    }

    /// The command that made `record`, to continue in `run_dir`; its paths are relative to the record's folder.
    pub(crate) fn again(record: &RunRecord, run_dir: PathBuf) -> Self {
        let pipeline = PathBuf::from(&record.pipeline);
        Self { run_dir: Some(run_dir), ..Self::of(pipeline, record.sets.clone()) }
    }

    /// Runs the pipeline.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let pipeline = Pipeline::load(&self.pipeline, &self.sets)?;
        let range = self.range()?;
        self.worker
            .refuse_with(&[("--force", self.force), ("--retry-failed", self.retry_failed)])?;
        let place = self.run_dir.clone().unwrap_or_else(|| pipeline.run_dir());
        let partition = self.worker.partition()?;
        let models = pipeline.model.set_paths();
        models.into_iter().try_for_each(|path| refuse_other_than_utf8(&[Some(path)]))?;
        refuse_other_than_utf8(&[
            Some(&std::env::current_dir().context("the current folder")?),
            Some(&self.pipeline),
            Some(&place),
            self.scratch.as_ref(),
            pipeline.data.classes.as_ref(),
            pipeline.features.model.as_ref(),
            pipeline.runtime.library.as_ref(),
        ])?;
        let run_dir = scratched(RunDir::at(&place, self.scratch.as_deref())?, partition);
        let folder = folder_of(&self.pipeline);
        let progress = Arc::new(Progress::new(self.style()));
        let shown = progress.clone();
        let notice = Box::new(move |message: &str| shown.say(message));
        pipeline.unused.iter().for_each(|sentence| progress.say(sentence));
        let purpose = run::purpose(&range);
        let context = Context::open_for(purpose, pipeline, run_dir.clone(), folder, notice)?;
        let context = Arc::new(context);
        let runtime = crate::threads::runtime(context.workers())?;
        // Held until this process writes no more.
        let place = match self.dry_run {
            true => RunDirLock::Nowhere,
            false => self.worker.take(&run_dir, partition, |message| progress.say(message))?,
        };
        let result = if self.dry_run {
            runtime.block_on(self.plan(context, &run_dir, &progress, range))
        } else {
            runtime.block_on(self.execute(context, (&run_dir, &place), &progress, range))
        };
        place.leave(&result);
        // Dropped units may still be in a blocking call; nothing waits for them.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }

    fn style(&self) -> ProgressStyle {
        if self.dry_run { ProgressStyle::Silent } else { ProgressStyle::detect() }
    }

    fn range(&self) -> anyhow::Result<StageRange> {
        let place = |name: &Option<String>, default: usize| {
            name.as_ref().map_or(default, |name| position(name))
        };
        let (from, until) = match &self.only {
            Some(_) => (place(&self.only, 0), place(&self.only, 0)),
            None => (place(&self.from, 0), place(&self.until, STAGES.len() - 1)),
        };
        if from > until {
            let message =
                format!("--from {} comes after --until {}", STAGES[from].name, STAGES[until].name);
            return Err(UsageError(message).into());
        }
        Ok(from..=until)
    }

    async fn plan(
        &self,
        context: Arc<Context>,
        run_dir: &RunDir,
        progress: &Progress,
        range: StageRange,
    ) -> anyhow::Result<Exit> {
        let events = EventLog::none();
        let cancel = Cancel::default();
        let (cancel, retry_failed) = (&cancel, self.retry_failed);
        let options = RunOptions {
            run_dir,
            events: &events,
            progress,
            cancel,
            force: false,
            retry_failed,
            worker: None,
        };
        let mut out = super::output::stdout();
        for line in run::dry_run(context, &options, range).await? {
            writeln!(out, "{line}")?;
        }
        Ok(Exit::Done)
    }

    async fn execute(
        &self,
        context: Arc<Context>,
        (run_dir, place): (&RunDir, &RunDirLock),
        progress: &Progress,
        range: StageRange,
    ) -> anyhow::Result<Exit> {
        let started = Instant::now();
        place.sweep(run_dir)?;
        let events = EventLog::open(run_dir, place.worker())?;
        let cancel = Cancel::default();
        let asked = super::signals::listen(cancel.clone())?;
        let options = RunOptions {
            run_dir,
            events: &events,
            progress,
            cancel: &cancel,
            force: self.force,
            retry_failed: self.retry_failed,
            worker: place.role().cloned(),
        };
        let file = PipelineFile { path: &self.pipeline, sets: &self.sets };
        let result = file.run(context.clone(), &options, range.clone()).await;
        let result = result.map_err(anyhow::Error::from);
        let stopped = result.as_ref().is_err_and(interrupted);
        if stopped && asked.by_warning() && place.without_a_unit(run_dir) {
            return Err(TryLater(TOO_SHORT.into()).into());
        }
        // A process that is stopped does not wait for a server.
        let noted = match stopped && run_dir.is_remote() {
            true => Ok(()),
            false => note_runtime(&context, run_dir),
        };
        let result = result?;
        noted?;
        file.keep(run_dir)?;
        run_summary::report((&context, run_dir), &result, started.elapsed(), self.json)?;
        if context.pipeline.output.report
            && place.writes_report()
            && *range.end() == STAGES.len() - 1
        {
            // In an object store, other machines' files are downloaded first.
            run_dir.make_all_local(&run_folders())?;
            let of = OpenRun { context, run_dir: run_dir.clone(), record: run_dir.record()? };
            let (path, _) = report::make(&of, progress, &cancel, &ReportOptions::default()).await?;
            crate::say!("report in {}", path.display());
        }
        Ok(Exit::Done)
    }
}

/// Refuses paths that `run.json` and the receipts can't hold, before any work.
fn refuse_other_than_utf8(paths: &[Option<&PathBuf>]) -> Result<(), UsageError> {
    match paths.iter().flatten().find(|path| path.to_str().is_none()) {
        None => Ok(()),
        Some(path) => Err(UsageError(format!(
            "{}: run.json can only hold UTF-8 paths: rename the parts shown as \u{fffd}, or work in another folder",
            path.display()
        ))),
    }
}

/// Workers of one machine must not share a scratch folder.
fn scratched(run_dir: RunDir, partition: Option<Partition>) -> RunDir {
    match partition {
        Some(Partition { index, of }) => {
            let own = run_dir.root().join(format!("{index}-of-{of}"));
            run_dir.with_scratch(&own)
        }
        None => run_dir,
    }
}

fn folder_of(pipeline: &Path) -> PathBuf {
    pipeline.parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
