//! A run of several workers from its first stage to its last.

use super::worker::{Next, Shown, Worker};
use super::{Requests, Rules, WorkerStage};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The result of a simulated run.
#[derive(Debug, Clone, Serialize)]
pub struct SimulatedRun {
    /// Workers.
    pub workers: usize,
    /// Seconds from the first worker's start to the last one's end.
    pub seconds: f64,
    /// The share of all workers' time in which they did no work on a unit and loaded nothing.
    pub idle: f64,
    /// Requests to the run directory.
    pub requests: Requests,
    /// The stages.
    pub stages: Vec<SimulatedStage>,
}

/// The result of a simulated stage.
#[derive(Debug, Clone, Serialize)]
pub struct SimulatedStage {
    /// The stage.
    pub stage: &'static str,
    /// The number of units.
    pub units: usize,
    /// Seconds by which the stage moved the end of the run.
    pub seconds: f64,
    /// The share of the workers' time in it that was idle.
    pub idle: f64,
    /// The longest unit with the loading of the model: a lower bound of the stage.
    pub at_least: f64,
    /// Requests to the run directory.
    pub requests: Requests,
}

/// Seconds between two heartbeats, and between two uploads of events.
const BEAT: f64 = 15.0;
const EVENTS: f64 = 30.0;

/// Simulates a run: all workers start at once, and each enters a stage when it sees the stage before complete.
pub fn simulate(stages: &[WorkerStage], rules: &Rules) -> SimulatedRun {
    let workers = rules.workers.max(1);
    let rules = Rules { workers, ..*rules };
    let mut ready = vec![0.0; workers];
    let (mut end, mut idle, mut requests) = (0.0, 0.0, Requests::default());
    let mut simulated = Vec::new();
    for stage in stages.iter().filter(|stage| !stage.seconds.is_empty()) {
        let before: f64 = ready.iter().sum();
        let (busy, mut asked) = simulate_stage(stage, &rules, &mut ready);
        let after = ready.iter().copied().fold(0.0, f64::max);
        let spent = ready.iter().sum::<f64>() - before;
        asked.put += (spent * (1.0 / BEAT + 1.0 / EVENTS)) as u64;
        let longest = stage.seconds.iter().copied().fold(0.0, f64::max);
        idle += spent - busy;
        requests += asked;
        simulated.push(SimulatedStage {
            stage: stage.stage,
            units: stage.seconds.len(),
            seconds: after - end,
            idle: if spent > 0.0 { (spent - busy) / spent } else { 0.0 },
            at_least: stage.startup + longest,
            requests: asked,
        });
        end = after;
    }
    // Workers that end first are free: their time does not count.
    let all: f64 = ready.iter().sum();
    SimulatedRun {
        workers,
        seconds: end,
        idle: idle / all.max(f64::MIN_POSITIVE),
        requests,
        stages: simulated,
    }
}

/// A time in microseconds, which has a total order.
fn moment(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

/// Simulates one stage; `ready` has the time at which each worker enters, and then leaves. Returns the workers' busy seconds
/// and their requests.
fn simulate_stage(stage: &WorkerStage, rules: &Rules, ready: &mut [f64]) -> (f64, Requests) {
    let mut shown = vec![Shown::Free; stage.seconds.len()];
    let mut asked = Requests::default();
    // Whoever comes lists the stage twice: what is done, and what a predecessor claimed.
    asked.list += 2 * rules.workers as u64;
    let mut workers: Vec<Worker> =
        (0..rules.workers).map(|i| Worker::new(stage, i, rules)).collect();
    let mut doing: Vec<Option<usize>> = vec![None; rules.workers];
    let mut next: BinaryHeap<Reverse<(u64, usize)>> =
        ready.iter().enumerate().map(|(i, at)| Reverse((moment(*at), i))).collect();
    let mut busy_in_all = 0.0;
    while let Some(Reverse((at, worker))) = next.pop() {
        if let Some(unit) = doing[worker].take() {
            shown[unit] = Shown::Done;
        }
        let now = at as f64 / 1e6;
        match workers[worker].next(stage, rules, &mut shown, &mut asked) {
            Next::Work { unit, seconds, busy } => {
                doing[worker] = Some(unit);
                busy_in_all += busy;
                next.push(Reverse((moment(now + seconds), worker)));
            }
            Next::Wait { seconds } => next.push(Reverse((moment(now + seconds), worker))),
            Next::Through { seconds } => ready[worker] = now + seconds,
        }
    }
    (busy_in_all, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(seconds: Vec<f64>, costs: Vec<u64>) -> WorkerStage {
        WorkerStage {
            stage: "generate",
            seconds,
            costs,
            startup: 10.0,
            outputs: 1.0,
            ..WorkerStage::default()
        }
    }

    fn rules(workers: usize, help: bool) -> Rules {
        Rules { workers, help, request: 0.0 }
    }

    #[test]
    fn equal_units_scale_until_each_worker_has_one_and_no_further() {
        let stages = [stage(vec![5.0; 100], vec![1; 100])];
        let seconds = |workers| simulate(&stages, &rules(workers, true)).seconds;
        assert_eq!(seconds(1), 510.0);
        // Who ends at the same moment as others sees it at the next look, two tenths later; who waited from the beginning,
        // after half as long again, and a first look, at most.
        let between = |workers, least: f64, late: f64| {
            let took = seconds(workers);
            assert!((least..=least + late).contains(&took), "{workers}: {took}");
        };
        between(10, 60.0, 0.5);
        between(100, 15.0, 0.5);
        between(1000, 15.0, 7.7);
        let all = simulate(&stages, &rules(1, true));
        assert!(all.idle.abs() < 1e-9 && all.stages[0].at_least == 15.0, "{all:?}");
    }

    #[test]
    fn help_makes_up_for_costs_that_were_thought_wrong() {
        // The partition thinks all the same; worker 0's share takes twice as long as worker 1's.
        let seconds = (0..20).map(|unit| if unit % 2 == 0 { 20.0 } else { 10.0 }).collect();
        let stages = [stage(seconds, vec![1; 20])];
        let alone = simulate(&stages, &rules(2, false));
        let took = alone.stages[0].seconds;
        assert!((210.0..=212.0).contains(&took), "{took}");
        let together = simulate(&stages, &rules(2, true));
        // 300 seconds of work on two, 10 of loading; at most a long unit over.
        assert!((160.0..=182.0).contains(&together.seconds), "{}", together.seconds);
        assert!(together.idle < 0.1 && alone.idle > 0.2, "{} {}", together.idle, alone.idle);
    }

    #[test]
    fn every_unit_is_done_once_and_its_requests_are_counted() {
        let stages = [stage((0..50).map(|i| 1.0 + f64::from(i % 7)).collect(), vec![1; 50])];
        for workers in [1, 3, 50, 64] {
            let Requests { put, delete, .. } = simulate(&stages, &rules(workers, true)).requests;
            // A claim, a file and a receipt for each unit; more only where two try for one.
            assert!(put >= 150 && delete >= 50, "{workers}: {put} {delete}");
        }
        let one = simulate(&stages, &rules(1, true)).requests;
        let beats = ((10.0 + 197.0) * 0.1) as u64;
        assert_eq!((one.put, one.get, one.delete), (150 + beats, 50, 50));
    }
}
