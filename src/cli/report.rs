//! `coda-pipe report`.

use super::audit::{THRESHOLD, audit};
use super::exit::{Exit, interrupted};
use super::of_run::{self, OfRun};
use clap::Args;
use coda_pipe::dataflow::{Progress, ProgressStyle};
use coda_pipe::stages::{self, Reporting};
use coda_pipe::store::Lock;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Write what a run did, and how it came out, as one HTML file that needs no network.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run directory
    run_dir: PathBuf,
    /// Where the file goes, in place of RUN_DIR/report/index.html
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave out the audit for copies, which takes the model
    #[arg(long)]
    no_audit: bool,
    /// MiB that pictures may take, about
    #[arg(long, value_name = "MIB", default_value_t = 24)]
    pictures: u64,
    /// Override a setting of the run, such as model.path=… where it moved
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

impl Report {
    /// Audits, writes the report, and prints where it is.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let out = self.out.as_ref().map(std::path::absolute).transpose()?;
        let progress = Arc::new(Progress::new(ProgressStyle::detect()));
        let shown = progress.clone();
        let of = of_run::open(&self.run_dir, &self.sets, move |text| shown.say(text))?;
        let out = out.unwrap_or_else(|| of.run_dir.path("report/index.html"));
        let mut how = Reporting {
            picture_bytes: self.pictures.saturating_mul(1 << 20),
            audit: !self.no_audit,
            audit_note: "Not looked at: the report was made with --no-audit.".into(),
            notes: Vec::new(),
        };
        if !self.no_audit
            && let Err(error) = audit_again(&of, &progress)
        {
            if interrupted(&error) {
                return Err(error);
            }
            how.audit = false;
            how.audit_note = format!("Not looked at: {error:#}");
            how.notes.push(format!("Copies were not looked for: {error:#}"));
            progress.say(&format!("warning: no audit for copies: {error:#}"));
        }
        let written = stages::report(&of.context, &of.record, &out, &how)?;
        let size = indicatif::HumanBytes(written.bytes);
        writeln!(std::io::stdout(), "{} ({size})", out.display())?;
        Ok(Exit::Done)
    }
}

/// Brings the audit up to date, with the threshold of the last.
fn audit_again(of: &OfRun, progress: &Progress) -> anyhow::Result<()> {
    let _lock = Lock::take(of.run_dir.root(), |message| progress.say(message))?;
    let threshold = stages::audit_threshold(&of.run_dir).unwrap_or(THRESHOLD);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(audit(of, progress, threshold));
    runtime.shutdown_timeout(Duration::from_secs(1));
    found.map(drop)
}
