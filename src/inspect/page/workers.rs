//! What each of several processes did of a run, from their logs.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A worker of a stage that takes so many times as long for a unit as the one in the middle is called slow there.
const SLOW: f64 = 2.0;

/// A worker, as the page shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WorkerView {
    /// `I-of-N`.
    pub worker: String,
    /// How it stands or ended, with its last word.
    pub state: String,
    /// The machine it was on last.
    pub host: String,
    /// Units it finished.
    pub units: u64,
    /// Tries of units that failed.
    pub failed: u64,
    /// Seconds of all its units, one after another.
    pub seconds: f64,
    /// Times it was started.
    pub starts: u64,
    /// Stages in which it was slow.
    pub slow: Vec<String>,
}

/// Reads the log of each worker.
pub fn worker_views(logs: &[(String, String)]) -> Vec<WorkerView> {
    let mut rates: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
    let mut workers = Vec::new();
    for (at, (worker, log)) in logs.iter().enumerate() {
        let mut view = WorkerView { worker: worker.clone(), ..WorkerView::default() };
        let mut stages: BTreeMap<String, (u64, f64)> = BTreeMap::new();
        for event in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            match event["event"].as_str() {
                Some("run_started") => view.starts += 1,
                Some("unit_failed") => view.failed += 1,
                Some("unit_finished") => {
                    let seconds = event["seconds"].as_f64().unwrap_or(0.0);
                    let stage = event["unit"].as_str().and_then(|unit| unit.split('/').next());
                    let of = stages.entry(stage.unwrap_or_default().to_owned()).or_default();
                    (of.0, of.1) = (of.0 + 1, of.1 + seconds);
                    (view.units, view.seconds) = (view.units + 1, view.seconds + seconds);
                }
                _ => {}
            }
        }
        for (stage, (units, seconds)) in stages {
            rates.entry(stage).or_default().push((at, seconds / units as f64));
        }
        workers.push(view);
    }
    for (stage, rates) in rates {
        slow(&rates).into_iter().for_each(|at| workers[at].slow.push(stage.clone()));
    }
    workers
}

/// Those of `rates` (who, seconds a unit) that are far above the one in the middle; of two, the lower counts.
fn slow(rates: &[(usize, f64)]) -> Vec<usize> {
    let mut sorted: Vec<f64> = rates.iter().map(|(_, rate)| *rate).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    // Below a second nobody waits for anybody.
    let limit = (SLOW * usual).max(1.0);
    rates.iter().filter(|(_, rate)| *rate > limit).map(|(at, _)| *at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_counted_and_slow_ones_named() {
        let log = |seconds: f64| {
            format!(
                "{{\"event\":\"run_started\"}}\n{{\"event\":\"unit_failed\",\"unit\":\"encode/a\"}}\nnot an event\n\
                 {{\"event\":\"unit_finished\",\"unit\":\"generate/a\",\"seconds\":{seconds}}}\n\
                 {{\"event\":\"unit_finished\",\"unit\":\"generate/b\",\"seconds\":{seconds}}}\n"
            )
        };
        let logs = [3.0, 7.0, 2.9].map(|seconds| (format!("{seconds}"), log(seconds)));
        let found = worker_views(&logs);
        assert_eq!((found[1].units, found[1].failed, found[1].starts), (2, 1, 1));
        assert_eq!(found[1].seconds, 14.0);
        assert_eq!(found[1].slow, ["generate"]);
        assert!(found[0].slow.is_empty() && found[2].slow.is_empty());
        assert!(worker_views(&[]).is_empty());
    }
}
