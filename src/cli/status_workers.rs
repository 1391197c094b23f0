//! What `status` says of the workers of a run.

use super::printable::printable;
use crate::store::{RunDir, StoreError, WorkerRecord, WorkerState};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// A worker that takes so many times as long for a unit as the one in the middle of its stage is called slow.
const SLOW: f64 = 2.0;
/// A worker without a heartbeat for this many seconds may be dead. Only shown: clocks of two machines may differ.
const SILENT: f64 = 60.0;

/// A worker as `status` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Worker {
    #[serde(flatten)]
    note: WorkerRecord,
    /// `false` where it is seen to be dead, `null` where it is out of sight.
    lives: Option<bool>,
    /// Seconds since it wrote, by the two machines' clocks.
    silent: f64,
    /// Wall time of a unit of its stage, over those that it has finished.
    seconds_per_unit: Option<f64>,
    /// Whether that is much more than the others take.
    slow: bool,
}

/// All workers that a run directory knows of.
///
/// # Errors
/// If their notes can't be read.
pub(crate) fn workers(run_dir: &RunDir) -> Result<Vec<Worker>, StoreError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut workers: Vec<Worker> = run_dir
        .workers()?
        .into_iter()
        .map(|note| Worker {
            lives: note.lives(),
            silent: (now - note.time).max(0.0),
            seconds_per_unit: {
                let units = note.stage_units;
                (units > 0).then(|| note.stage_seconds / units as f64)
            },
            slow: false,
            note,
        })
        .collect();
    mark_slow(&mut workers);
    Ok(workers)
}

/// Marks those that are much slower than the others of their stage.
fn mark_slow(workers: &mut [Worker]) {
    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for worker in workers.iter() {
        rates.entry(worker.note.stage.clone()).or_default().extend(worker.seconds_per_unit);
    }
    rates.values_mut().for_each(|rates| rates.sort_by(f64::total_cmp));
    for worker in workers {
        // The lower of the two in the middle: of two workers one can be slow.
        let rates = &rates[&worker.note.stage];
        let usual = rates.get(rates.len().saturating_sub(1) / 2);
        let own = worker.seconds_per_unit.zip(usual);
        worker.slow = own.is_some_and(|(own, usual)| own > SLOW * usual);
    }
}

impl Worker {
    /// How it stands, in words.
    fn stands(&self) -> String {
        let silent = indicatif::HumanDuration(std::time::Duration::from_secs_f64(self.silent));
        match (self.note.state, self.lives) {
            (WorkerState::Working, Some(false)) => "died".into(),
            (WorkerState::Working, None) if self.silent > SILENT => {
                format!("no heartbeat for {silent:#}")
            }
            (state, _) => state.to_string(),
        }
    }

    fn line(&self) -> String {
        let WorkerRecord { worker, stage, units, failed, under_way, message, .. } = &self.note;
        let seconds = self.seconds_per_unit.map_or_else(String::new, |s| format!("{s:.1}"));
        let mut line = format!(
            "{worker:<12} {:<16} {stage:<9} {units:>6} {seconds:>9} {failed:>7}  {}",
            self.stands(),
            printable(self.note.host()),
        );
        if self.slow {
            line.push_str("  slow");
        }
        if self.note.state == WorkerState::Working && !under_way.is_empty() {
            line.push_str(&format!("  at {}", under_way.join(", ")));
        }
        if let Some(first) = message.lines().next() {
            line.push_str(&format!("\n{:>14}{}", "", printable(first)));
        }
        line
    }
}

/// Prints the table, where there are workers.
///
/// # Errors
/// If it can't be printed.
pub(crate) fn show_workers(workers: &[Worker], out: &mut impl Write) -> std::io::Result<()> {
    if workers.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<12} {:<16} {:<9} {:>6} {:>9} {:>7}  host",
        "worker", "state", "stage", "units", "s/unit", "failed"
    )?;
    workers.iter().try_for_each(|worker| writeln!(out, "{}", worker.line()))
}
