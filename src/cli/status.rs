//! `coda-pipe status`.

use super::exit::Exit;
use super::status_workers::{show_workers, workers};
use crate::pipeline::{STAGES, StageInfo};
use crate::store::{Receipt, RunDir};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Show the progress of a run.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The run directory
    run_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also print the log of each unit
    #[arg(long, short)]
    verbose: bool,
}

/// The totals of a stage over its receipts.
#[derive(Debug, serde::Serialize)]
struct Row {
    stage: &'static str,
    /// The kind of the stage's units.
    unit: &'static str,
    done: usize,
    /// Absent until the stage is first reached.
    total: Option<u64>,
    /// Units done before an earlier stage changed; they are checked when that stage is complete.
    earlier: usize,
    samples: u64,
    skipped: u64,
    seconds: f64,
    bytes: u64,
}

impl Status {
    /// Prints the status.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let run_dir = RunDir::at(&self.run_dir, None)?.begun()?;
        let record = run_dir.record()?;
        let mut rows = Vec::new();
        let mut logs = Vec::new();
        for stage in STAGES {
            let name = stage.name;
            let receipts = run_dir.receipts(name)?;
            let present: Vec<&Receipt> = run_dir.with_outputs(receipts.values())?;
            let total = record.stages.get(name).map(|s| s.units);
            // A stage that is switched off.
            if total == Some(0) || (total.is_none() && stage.optional) {
                continue;
            }
            // Not known to be of today's settings before everything ahead of it was complete.
            let (done, earlier) = match total {
                Some(_) => (present.as_slice(), 0),
                None => (&[][..], present.len()),
            };
            rows.push(Row { earlier, ..row(stage, done, total) });
            logs.extend(receipts.into_values().filter(|r| !r.log.is_empty()));
        }
        let workers = workers(&run_dir)?;
        let mut out = super::output::stdout();
        if self.json {
            let status = json!({
                "run_dir": self.run_dir.display().to_string(), "record": record, "stages": rows, "workers": workers,
            });
            writeln!(out, "{status:#}")?;
            return Ok(Exit::Done);
        }
        writeln!(
            out,
            "{:<9} {:>11} {:>9} {:>8} {:>9} {:>10}",
            "stage", "units", "samples", "skipped", "seconds", "bytes"
        )?;
        for row in rows {
            writeln!(out, "{}", line(&row))?;
        }
        show_workers(&workers, &mut out)?;
        if self.verbose {
            for receipt in logs {
                writeln!(out, "\n{}", receipt.unit)?;
                receipt.log.iter().try_for_each(|l| writeln!(out, "  {l}"))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn row(info: &'static StageInfo, receipts: &[&Receipt], total: Option<u64>) -> Row {
    Row {
        stage: info.name,
        unit: info.unit,
        done: receipts.len(),
        total,
        earlier: 0,
        samples: receipts.iter().map(|r| r.samples).sum(),
        skipped: receipts.iter().map(|r| r.faults.len() as u64).sum(),
        seconds: receipts.iter().map(|r| r.seconds).fold(0.0, |sum, seconds| sum + seconds),
        bytes: receipts.iter().map(|r| r.bytes()).sum(),
    }
}

fn line(row: &Row) -> String {
    let total = row.total.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let units = format!("{}/{total}", row.done);
    let bytes = indicatif::HumanBytes(row.bytes);
    let Row { stage, samples, skipped, seconds, .. } = row;
    let earlier = match row.earlier {
        0 => String::new(),
        n => format!("  ({n} from before a change: checked when the earlier stages are complete)"),
    };
    format!("{stage:<9} {units:>11} {samples:>9} {skipped:>8} {seconds:>9.1} {bytes:>10}{earlier}")
}
