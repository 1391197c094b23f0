//! `coda-pipe report`.

use super::audit::{THRESHOLD, audit};
use super::exit::{Exit, interrupted};
use super::open_run;
use super::open_run::OpenRun;
use super::signals;
use crate::engine::{Cancel, Progress, ProgressStyle};
use crate::inspect;
use crate::inspect::report::Reporting;
use anyhow::anyhow;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Approximate limit of all pictures in MiB.
const PICTURES: u64 = 24;

/// Write a report of a run and its results as one HTML file that needs no network.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run directory
    run_dir: PathBuf,
    /// The file to write, in place of RUN_DIR/report/index.html
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Skip the audit for near-copies, which needs the model
    #[arg(long)]
    no_audit: bool,
    /// Approximate limit of all pictures in MiB
    #[arg(long, value_name = "MIB", default_value_t = PICTURES)]
    pictures: u64,
    /// Override a setting of the run, such as model.path=… after the model was moved
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// What the report contains and where it is written.
pub(crate) struct ReportOptions {
    /// The file to write; `None` for the usual place in the run directory.
    out: Option<PathBuf>,
    audit: bool,
    /// MiB.
    pictures: u64,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { out: None, audit: true, pictures: PICTURES }
    }
}

impl Report {
    /// Audits, writes the report, and prints its path.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let out = self.out.as_ref().map(std::path::absolute).transpose()?;
        let wanted = ReportOptions { out, audit: !self.no_audit, pictures: self.pictures };
        let progress = Arc::new(Progress::new(ProgressStyle::detect()));
        let shown = progress.clone();
        let of = open_run::open(&self.run_dir, &self.sets, move |text| shown.say(text))?;
        // Only the audit writes what a run could write too; looking at a run under way is free.
        let lock = wanted.audit.then(|| of.run_dir.lock_alone(|text| progress.say(text)));
        let _lock = lock.transpose()?;
        let runtime = crate::threads::runtime(of.context.workers())?;
        let made = runtime.block_on(async {
            let cancel = Cancel::default();
            signals::listen(cancel.clone())?;
            make(&of, &progress, &cancel, &wanted).await
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        let (path, bytes) = made?;
        let size = indicatif::HumanBytes(bytes);
        writeln!(super::output::stdout(), "{} ({size})", path.display())?;
        Ok(Exit::Done)
    }
}

/// Audits and writes the report; returns its path and its bytes. Where the audit fails, the report is written all the
/// same and names the reason.
pub(crate) async fn make(
    of: &OpenRun,
    progress: &Progress,
    cancel: &Cancel,
    wanted: &ReportOptions,
) -> anyhow::Result<(PathBuf, u64)> {
    let mut how = Reporting {
        picture_bytes: wanted.pictures.saturating_mul(1 << 20),
        audit: wanted.audit,
        audit_note: "Not checked: the report was written with --no-audit.".into(),
        notes: Vec::new(),
    };
    if wanted.audit {
        let threshold = inspect::audit_threshold(&of.run_dir).unwrap_or(THRESHOLD);
        match audit(of, progress, cancel, threshold).await {
            Err(error) if interrupted(&error) => return Err(error),
            Err(error) => {
                how.audit = false;
                how.audit_note = format!("Not checked: {error:#}");
                how.notes.push(format!("Copies were not checked for: {error:#}"));
                progress.say(&format!("warning: the audit for copies failed: {error:#}"));
            }
            Ok(_) => {}
        }
    }
    let path = wanted.out.clone().unwrap_or_else(|| of.run_dir.path("report/index.html"));
    let (context, record, out) = (of.context.clone(), of.record.clone(), path.clone());
    let task = tokio::task::spawn_blocking(move || inspect::report(&context, &record, &out, &how));
    let written =
        task.await?.map_err(|error| anyhow!("the report could not be written: {error}"))?;
    if wanted.out.is_none() {
        of.run_dir.publish_file("report/index.html")?;
    }
    Ok((path, written.bytes))
}
