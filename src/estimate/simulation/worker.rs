//! One worker in one stage.

use super::{Requests, Rules, WorkerStage};
use crate::engine::{Partition, Queue};

/// The state of a unit in the run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Free,
    Claimed,
    Done,
}

/// The next action of a worker and its seconds.
pub(super) enum Next {
    /// This unit, for so many seconds, all but its work and loading waited for the run directory.
    Work { unit: usize, seconds: f64, busy: f64 },
    /// Nothing.
    Wait { seconds: f64 },
    /// The worker sees that the stage is complete.
    Through { seconds: f64 },
}

/// Parallel requests for receipts and files.
const AT_ONCE: f64 = 16.0;
/// Names in a listing.
const PAGE: u64 = 1000;
/// The first interval between two looks of a waiting worker.
const POLL: f64 = 0.2;

pub(super) struct Worker {
    queue: Queue,
    elsewhere: Vec<bool>,
    looked: bool,
    started: bool,
    /// Whether the last look found units of other workers: then the worker waits before the next look.
    rest: bool,
    poll: f64,
}

impl Worker {
    /// The worker `index` at a stage's beginning.
    pub(super) fn new(stage: &WorkerStage, index: usize, rules: &Rules) -> Self {
        let units = stage.costs.len();
        let partition = Partition { index, of: rules.workers };
        let queue = Queue::new(&stage.costs, vec![true; units], partition);
        let elsewhere = vec![false; units];
        Self { queue, elsewhere, looked: false, started: false, rest: false, poll: POLL }
    }

    /// The worker's next action by the `shown` states; adds its requests to `asked`.
    pub(super) fn next(
        &mut self,
        stage: &WorkerStage,
        rules: &Rules,
        shown: &mut [Shown],
        asked: &mut Requests,
    ) -> Next {
        let mut seconds = 0.0;
        loop {
            let mut unit = self.queue.next(|unit| !self.elsewhere[unit], false);
            if unit.is_none() && rules.help {
                if !std::mem::replace(&mut self.looked, true) {
                    seconds += self.look(stage, rules, shown, asked).1;
                }
                unit = self.queue.next(|unit| !self.elsewhere[unit], true);
            }
            let Some(unit) = unit else {
                if self.queue.is_empty() {
                    return Next::Through { seconds };
                }
                if !std::mem::take(&mut self.rest) {
                    let (new, took) = self.look(stage, rules, shown, asked);
                    seconds += took;
                    if new {
                        continue;
                    }
                }
                seconds += self.poll;
                let slowest = (rules.workers as f64 / 20.0).clamp(2.0, 30.0);
                self.poll = (self.poll * 1.5).min(slowest);
                return Next::Wait { seconds };
            };
            seconds += match shown[unit] {
                Shown::Claimed => {
                    // The claim that was not to be had, whose it is, and whether that one lives.
                    (asked.put, asked.get) = (asked.put + 1, asked.get + 2);
                    (self.elsewhere[unit], self.looked) = (true, false);
                    3.0 * rules.request
                }
                Shown::Done => {
                    let checks = 1 + stage.outputs as u64;
                    (asked.put, asked.delete) = (asked.put + 1, asked.delete + 1);
                    asked.get += checks;
                    self.looked = false;
                    self.queue.take(unit);
                    (2 + checks) as f64 * rules.request
                }
                Shown::Free => {
                    self.queue.take(unit);
                    self.rest = false;
                    shown[unit] = Shown::Claimed;
                    let (waited, busy) = self.begin(stage, rules, unit, asked);
                    return Next::Work { unit, seconds: seconds + waited + busy, busy };
                }
            };
        }
    }

    /// Counts the requests of a unit from claim to end; returns the seconds of the requests and of the work.
    fn begin(
        &mut self,
        stage: &WorkerStage,
        rules: &Rules,
        unit: usize,
        asked: &mut Requests,
    ) -> (f64, f64) {
        let first = !std::mem::replace(&mut self.started, true);
        let reads = stage.reads + if first { stage.reads_once } else { 0.0 };
        // A claim, no receipt yet; at the end the files, the receipt, and the claim given back.
        asked.put += 2 + stage.outputs as u64;
        asked.get += 1 + reads as u64;
        asked.delete += 1;
        let requests = 4.0 + ((stage.outputs + reads) / AT_ONCE).ceil();
        let startup = if first { stage.startup } else { 0.0 };
        (requests * rules.request, startup + stage.seconds[unit])
    }

    /// Reads the states of all units; returns whether any changed, and the seconds.
    fn look(
        &mut self,
        stage: &WorkerStage,
        rules: &Rules,
        shown: &[Shown],
        asked: &mut Requests,
    ) -> (bool, f64) {
        let names = shown.iter().filter(|unit| **unit != Shown::Free).count() as u64;
        let left: Vec<usize> = self.queue.left().collect();
        let (mut new, mut claims) = (0u64, 0u64);
        for unit in left {
            let claimed = shown[unit] == Shown::Claimed;
            self.elsewhere[unit] = claimed;
            claims += u64::from(claimed);
            if shown[unit] == Shown::Done {
                self.queue.take(unit);
                new += 1;
            }
        }
        let mut lists = names.div_ceil(PAGE).max(1);
        if new > 0 {
            // The lengths of all files, by listing them.
            let files = names as f64 * (1.0 + stage.outputs);
            lists += names.div_ceil(PAGE) + (files / PAGE as f64).ceil() as u64;
        }
        asked.list += lists;
        // Of each claim whose it is, and whether that one lives.
        asked.get += new + 2 * claims;
        let in_row =
            lists as f64 + (new as f64 / AT_ONCE).ceil() + 2.0 * (claims as f64 / AT_ONCE).ceil();
        // Nobody dies, so that nothing is given up.
        self.rest = new > 0;
        (new > 0, in_row * rules.request)
    }
}
