//! `coda-pipe plan`.

use super::exit::Exit;
use super::plan_workers;
use super::signals;
use crate::config::Pipeline;
use crate::engine::{Cancel, Progress, ProgressStyle, RunOptions};
use crate::estimate::StageForecast;
use crate::models::{Purpose, StepsRun};
use crate::pipeline::model_source::fetch_models;
use crate::pipeline::{Context, StageError};
use crate::probe;
use crate::probe::Forecast;
use crate::store::{EventLog, RunDir};
use clap::Args;
use indicatif::HumanBytes;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Estimate what a run takes before it starts: images, bytes, memory, time, and what may stop it.
///
/// Local shards are counted by their headers, and only a few images are decoded. Nothing is written to the run
/// directory.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The pipeline file
    pipeline: PathBuf,
    /// Run a short piece of each stage, to measure times, memory and image sizes
    #[arg(long)]
    measure: bool,
    /// Also simulate the run with these numbers of workers (`run --partition`), each like this machine: 1,8,64
    #[arg(long, value_name = "N,…", value_delimiter = ',', requires = "measure", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    workers: Vec<u16>,
    /// The run directory, in place of [output] run_dir
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Override a setting, as for `run`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    /// Prints the estimate.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let mut pipeline = Pipeline::load(&self.pipeline, &self.sets)?;
        // All of a model, which the run needs too: what may stop it is told by every graph.
        fetch_models(&mut pipeline, Purpose::Generate).map_err(StageError::from)?;
        let run_dir =
            RunDir::at(&self.run_dir.clone().unwrap_or_else(|| pipeline.run_dir()), None)?;
        let folder = self.pipeline.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let notice = Box::new(|message: &str| crate::say!("{message}"));
        let context = Arc::new(Context::new(pipeline, run_dir.clone(), folder, notice)?);
        let (events, cancel) = (EventLog::none(), Cancel::default());
        let progress = Progress::new(ProgressStyle::Silent);
        let options = RunOptions {
            run_dir: &run_dir,
            events: &events,
            progress: &progress,
            cancel: &cancel,
            force: false,
            retry_failed: false,
            worker: None,
        };
        let runtime = crate::threads::runtime(context.workers())?;
        let found = runtime.block_on(async {
            signals::listen(cancel.clone())?;
            let found = tokio::select! {
                found = probe::forecast(context, &options, self.measure) => found,
                () = cancel.cancelled() => {
                    // The trial's folder is gone by now; a model may be at work still, and nothing waits for it.
                    signals::leave()
                }
            };
            anyhow::Ok(found?)
        })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        let counts: Vec<usize> = self.workers.iter().map(|workers| usize::from(*workers)).collect();
        let simulated = found.rates.as_ref().map_or_else(Vec::new, |rates| {
            plan_workers::simulate_all(&counts, &found.work, rates, run_dir.is_remote())
        });
        let mut out = super::output::stdout();
        if self.json {
            let root = run_dir.to_string();
            let mut report =
                json!({"pipeline": self.pipeline.display().to_string(), "run_dir": root});
            if let (Some(report), serde_json::Value::Object(found)) =
                (report.as_object_mut(), serde_json::to_value(&found)?)
            {
                report.extend(found);
                report.insert("workers".into(), json!(simulated));
            }
            writeln!(out, "{report:#}")?;
        } else {
            print(&mut out, &found, &run_dir)?;
            plan_workers::print(&mut out, &simulated, duration)?;
        }
        Ok(Exit::Done)
    }
}

fn print(out: &mut impl Write, found: &Forecast, run_dir: &RunDir) -> std::io::Result<()> {
    let about = if found.estimate.is_some() { "about " } else { "" };
    let (images, classes) = (found.images, found.classes.len());
    writeln!(out, "{about}{images} images of {classes} classes in {} shards", found.shards)?;
    let (cores, devices) = (found.cores, found.devices.join(", "));
    writeln!(
        out,
        "{cores} images to make, on {}",
        if devices.is_empty() { "-" } else { &devices }
    )?;
    let StepsRun { steps, rows, all_rows, .. } = found.denoiser;
    writeln!(out, "{steps} steps an image: {rows} of {all_rows} denoiser rows\n")?;
    writeln!(
        out,
        "{:<9} {:>8} {:>8} {:>12} {:>12}  time left",
        "stage", "units", "done", "bytes left", "memory"
    )?;
    for stage in &found.stages {
        let StageForecast { stage: name, units, done, seconds, basis, .. } = stage;
        let (bytes, memory) = (human(stage.bytes_left), human(stage.memory_bytes));
        let stale = if stage.stale > 0 {
            format!("; {} stale, need --force", stage.stale)
        } else {
            String::new()
        };
        let basis = basis.map_or_else(String::new, |basis| format!(" ({basis})"));
        let time = duration(*seconds);
        writeln!(
            out,
            "{name:<9} {units:>8} {done:>8} {bytes:>12} {memory:>12}  {time}{basis}{stale}"
        )?;
    }
    let totals = &found.totals;
    let (bytes, memory) = (human(totals.bytes_left), human(totals.memory_bytes));
    writeln!(
        out,
        "{:<9} {:>8} {:>8} {bytes:>12} {memory:>12}  {}",
        "all",
        "",
        "",
        duration(totals.seconds)
    )?;
    let place = run_dir;
    match found.free_bytes {
        Some(free) => writeln!(out, "\n{} free for {place}", human(free))?,
        None => writeln!(out, "\nfree space for {place}: unknown")?,
    }
    if let Some(hours) = found.gpu_hours {
        writeln!(out, "{hours:.2} GPU-hours")?;
    }
    for warning in &found.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    found.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
}

fn human(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

fn duration(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".into(),
        Some(seconds) if seconds < 100.0 => format!("{seconds:.1} s"),
        Some(seconds) if seconds < 6000.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) => format!("{:.1} h", seconds / 3600.0),
    }
}
