//! `coda-pipe audit`.

use super::exit::{Exit, UsageError};
use super::open_run;
use super::open_run::OpenRun;
use super::printable::printable;
use super::signals;
use crate::engine::{Cancel, Progress, ProgressStyle, RunOptions};
use crate::inspect;
use crate::inspect::run_folders;
use crate::similarity::{Below, Summary};
use crate::store::EventLog;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Images below this share of the spacing count as copies. Resized and recompressed images measure some hundredths;
/// images generated from a core measure some tenths.
pub(crate) const THRESHOLD: f64 = 0.1;

/// Check generated images for near-copies of real ones.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The run directory
    run_dir: PathBuf,
    /// Flag images nearer to a real image than this share of the median distance between real images of the class
    #[arg(long, value_name = "SHARE", default_value_t = THRESHOLD)]
    threshold: f64,
    /// Override a setting of the run, such as model.path=… after the model was moved
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Runs the audit and prints the flagged images.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if !(self.threshold >= 0.0 && self.threshold.is_finite()) {
            return Err(UsageError("--threshold must be 0 or more".into()).into());
        }
        let progress = Arc::new(Progress::new(ProgressStyle::detect()));
        let shown = progress.clone();
        let of = open_run::open(&self.run_dir, &self.sets, move |text| shown.say(text))?;
        let _lock = of.run_dir.lock_alone(|message| progress.say(message))?;
        of.run_dir.sweep(&run_folders())?;
        let runtime = crate::threads::runtime(of.context.workers())?;
        let found = runtime.block_on(async {
            let cancel = Cancel::default();
            signals::listen(cancel.clone())?;
            audit(&of, &progress, &cancel, self.threshold).await
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        let found = found?;
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{:#}", serde_json::to_value(&found)?)?;
        } else {
            print(&mut out, &found)?;
        }
        Ok(Exit::Done)
    }
}

/// Audits an opened run directory.
pub(crate) async fn audit(
    of: &OpenRun,
    progress: &Progress,
    cancel: &Cancel,
    threshold: f64,
) -> anyhow::Result<Summary> {
    let events = EventLog::none();
    let options = RunOptions {
        run_dir: &of.run_dir,
        events: &events,
        progress,
        cancel,
        force: true,
        retry_failed: false,
        worker: None,
    };
    Ok(inspect::audit(of.context.clone(), &options, threshold).await?)
}

fn print(out: &mut impl Write, found: &Summary) -> std::io::Result<()> {
    let Summary { images, real, values, threshold, flagged, .. } = found;
    writeln!(out, "{images} generated and {real} real images, compared by {values} values each")?;
    for flag in flagged {
        let (class, key) = (printable(&flag.class), printable(&flag.key));
        writeln!(
            out,
            "class {class} image {:04}: nearest {key} of {}, distance {:.4}, {:.3} of the spacing",
            flag.rank,
            printable(&flag.shard),
            flag.distance,
            flag.ratio
        )?;
    }
    writeln!(out, "{} flagged as copies: nearer than {threshold} of the spacing", flagged.len())?;
    for Below { ratio, images: below, share } in &found.below {
        let percent = 100.0 * share;
        writeln!(out, "{below} of {images} ({percent:.1} %) nearer than {ratio} of the spacing")?;
    }
    if let Some(median) = found.median_ratio {
        writeln!(out, "median: {median:.3} of the spacing")?;
    }
    writeln!(
        out,
        "{} nearer to a real image than 99 of 100 real images of its class are to each other",
        found.within_one_percent
    )
}
