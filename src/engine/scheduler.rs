//! Schedules the units of a process: all unfinished units, or in a worker its own share and then units of other shares.

use super::blocking::blocking;
use super::cancel::Cancel;
use super::in_flight::InFlight;
use super::partition::Partition;
use super::peers::{PeerProgress, PendingUnit, finished, peer_progress};
use super::queue::Queue;
use crate::store::{ClaimOutcome, Receipt, RunDir, StoreError, WorkerSession};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The role of a process among several workers of a run directory.
#[derive(Debug, Clone)]
pub struct WorkerRole {
    /// The worker's session.
    pub member: Arc<WorkerSession>,
    /// The worker's share.
    pub partition: Partition,
    /// Whether the worker takes unstarted units of other shares when its own share is done.
    pub help: bool,
    /// The longest wait for other workers at a stage's end; `None` for as long as they are alive.
    pub wait: Option<Duration>,
}

/// The scheduler's next step; `W` names a unit.
pub(super) enum NextUnit<W> {
    /// Process this unit.
    Do(W),
    /// Another worker has done this unit.
    DoneElsewhere(Box<Receipt>),
    /// Other workers have not done these units, which this process must not take.
    Missing(Vec<PendingUnit>),
    /// The run directory can't be used.
    Lost(StoreError),
}

impl NextUnit<usize> {
    /// Replaces the number of a unit by the unit; `None` if the unit was taken before.
    pub(super) fn with<U>(self, units: &mut [Option<U>]) -> Option<NextUnit<U>> {
        Some(match self {
            Self::Do(unit) => NextUnit::Do(units.get_mut(unit)?.take()?),
            Self::DoneElsewhere(receipt) => NextUnit::DoneElsewhere(receipt),
            Self::Missing(units) => NextUnit::Missing(units),
            Self::Lost(error) => NextUnit::Lost(error),
        })
    }
}

/// What has changed at the other workers since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerChange {
    Nothing,
    /// Other workers have done units.
    Done,
    /// Other workers have released units that this process may take.
    Released,
}

/// The first interval between two looks at the other workers.
const POLL: Duration = Duration::from_millis(200);

/// The unfinished units of a stage, in the order in which this process takes them. Units are known by number and name only,
/// so that the scheduler is compiled once for all stages.
pub(super) struct Scheduler {
    stage: &'static str,
    run_dir: RunDir,
    cancel: Cancel,
    worker: Option<WorkerRole>,
    queue: Queue,
    units: Vec<Option<PendingUnit>>,
    /// Units that other workers are processing.
    elsewhere: HashSet<usize>,
    /// The state of the units that were taken.
    in_flight: Arc<InFlight>,
    found: Vec<Receipt>,
    /// Whether the scheduler has looked at other workers since it last met a unit of theirs.
    looked: bool,
    /// Since when this process has no unit and sees no change at the others.
    waiting: Option<Instant>,
    poll: Duration,
    /// Whether to pause before the next look: looking after each unit of the others would be looking all the time.
    rest: bool,
    ended: bool,
}

impl Scheduler {
    /// Schedules the units of `stage` with their costs; done units are `None`.
    pub(super) fn new(
        stage: &'static str,
        (units, costs): (Vec<Option<PendingUnit>>, &[u64]),
        (run_dir, cancel): (&RunDir, &Cancel),
        (worker, in_flight): (Option<&WorkerRole>, Arc<InFlight>),
    ) -> Self {
        let partition = worker.map_or(Partition::WHOLE, |worker| worker.partition);
        let left = units.iter().map(Option::is_some).collect();
        let ended = units.iter().all(Option::is_none);
        Self {
            stage,
            run_dir: run_dir.clone(),
            cancel: cancel.clone(),
            worker: worker.cloned(),
            queue: Queue::new(costs, left, partition),
            units,
            elsewhere: HashSet::new(),
            in_flight,
            found: Vec::new(),
            looked: false,
            waiting: None,
            poll: POLL,
            rest: false,
            ended,
        }
    }

    /// The next step; `None` when all units are done, or no more may be started.
    pub(super) async fn next(&mut self) -> Option<NextUnit<usize>> {
        while !self.ended && !self.in_flight.is_stopped() && !self.cancel.is_cancelled() {
            if let Some(receipt) = self.found.pop() {
                return Some(NextUnit::DoneElsewhere(receipt.into()));
            }
            let cancel = self.cancel.clone();
            let step = tokio::select! {
                biased;
                step = self.step() => step,
                // An unreachable server is not waited for; a claim made meanwhile ends with this process.
                () = cancel.cancelled() => return None,
            };
            match step {
                Ok(None) => {}
                Ok(next_unit) => return next_unit,
                Err(error) => {
                    self.ended = true;
                    return Some(NextUnit::Lost(error));
                }
            }
        }
        None
    }

    async fn step(&mut self) -> Result<Option<NextUnit<usize>>, StoreError> {
        let own = self.free(false);
        let next = match (own, self.worker.clone()) {
            (None, Some(worker)) if worker.help => {
                // One look shows all that other workers have done; trying each unit would take a request a unit.
                if !std::mem::replace(&mut self.looked, true)
                    && self.look(&worker).await? != PeerChange::Nothing
                {
                    return Ok(None);
                }
                self.free(true)
            }
            _ => own,
        };
        match (next, self.worker.clone()) {
            (Some(unit), None) => Ok(self.take_unit(unit)),
            (Some(unit), Some(worker)) => self.try_for(unit, &worker).await,
            (None, Some(worker)) if !self.queue.is_empty() && !self.in_flight.has_failed() => {
                self.look_or_wait(&worker).await
            }
            (None, _) => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// The next unit that no other worker is processing.
    fn free(&self, help: bool) -> Option<usize> {
        self.queue.next(|unit| !self.elsewhere.contains(&unit), help)
    }

    fn take_unit(&mut self, unit: usize) -> Option<NextUnit<usize>> {
        self.queue.take(unit);
        (self.waiting, self.rest) = (None, false);
        self.units.get_mut(unit)?.take()?;
        self.in_flight.begin();
        Some(NextUnit::Do(unit))
    }

    /// Claims a unit, unless another worker has claimed or done it.
    async fn try_for(
        &mut self,
        unit: usize,
        worker: &WorkerRole,
    ) -> Result<Option<NextUnit<usize>>, StoreError> {
        let Some(wanted) = self.units.get(unit).cloned().flatten() else {
            self.queue.take(unit);
            return Ok(None);
        };
        let (member, run_dir) = (worker.member.clone(), self.run_dir.clone());
        let tried = blocking(move || {
            if let ClaimOutcome::Taken(_) = member.begin(&wanted.name)? {
                return Ok(None);
            }
            let done = finished(&run_dir, &wanted)?;
            if done.is_some() {
                member.end(&wanted.name, None)?;
            }
            Ok(Some(done))
        });
        Ok(match tried.await? {
            None => {
                self.elsewhere.insert(unit);
                self.looked = false;
                None
            }
            Some(None) => self.take_unit(unit),
            Some(Some(receipt)) => {
                self.queue.take(unit);
                (self.waiting, self.looked) = (None, false);
                Some(NextUnit::DoneElsewhere(receipt.into()))
            }
        })
    }

    /// No unit is free: looks for units that other workers have done or released, and waits a little without such a change.
    async fn look_or_wait(
        &mut self,
        worker: &WorkerRole,
    ) -> Result<Option<NextUnit<usize>>, StoreError> {
        if std::mem::take(&mut self.rest) {
            self.pause(worker).await;
            return Ok(None);
        }
        let busy = self.in_flight.is_at_work();
        if busy {
            self.waiting = None;
        }
        let since = *self.waiting.get_or_insert_with(Instant::now);
        if self.look(worker).await? != PeerChange::Nothing {
            return Ok(None);
        }
        let member = worker.member.clone();
        let company = worker.help || blocking(move || member.has_company()).await?;
        let patient = busy || worker.wait.is_none_or(|wait| since.elapsed() < wait);
        if !company || !patient {
            // The last other worker may have left since the look, with its units done or not.
            if !company && self.look(worker).await? != PeerChange::Nothing {
                return Ok(None);
            }
            self.ended = true;
            return Ok(Some(NextUnit::Missing(self.left().map(|(_, unit)| unit).collect())));
        }
        self.pause(worker).await;
        Ok(None)
    }

    async fn pause(&mut self, worker: &WorkerRole) {
        tokio::select! {
            () = tokio::time::sleep(self.poll) => {}
            () = self.cancel.cancelled() => {}
        }
        // The more workers wait, the less often each looks.
        let slowest = Duration::from_secs_f64((worker.partition.of as f64 / 20.0).clamp(2.0, 30.0));
        self.poll = self.poll.mul_f64(1.5).min(slowest);
    }

    /// The unfinished units, by number.
    fn left(&self) -> impl Iterator<Item = (usize, PendingUnit)> {
        self.queue.left().filter_map(move |at| Some((at, self.units.get(at)?.clone()?)))
    }

    /// Takes the receipts of units that other workers have done, and frees units that they have released.
    async fn look(&mut self, worker: &WorkerRole) -> Result<PeerChange, StoreError> {
        let left: Vec<(usize, PendingUnit)> = self.left().collect();
        let (member, run_dir, stage) = (worker.member.clone(), self.run_dir.clone(), self.stage);
        let PeerProgress { done, under_way } =
            blocking(move || peer_progress(&run_dir, &member, stage, left)).await?;
        let mut change = if done.is_empty() { PeerChange::Nothing } else { PeerChange::Done };
        for (at, receipt) in done {
            self.queue.take(at);
            self.elsewhere.remove(&at);
            self.found.push(receipt);
        }
        let given_up = !self.elsewhere.is_subset(&under_way);
        self.elsewhere = under_way;
        // Released units of other shares are only for workers that help.
        if given_up && self.free(worker.help).is_some() {
            change = PeerChange::Released;
        }
        match change {
            PeerChange::Nothing => {}
            PeerChange::Done => (self.waiting, self.rest) = (None, true),
            PeerChange::Released => (self.waiting, self.rest, self.poll) = (None, false, POLL),
        }
        Ok(change)
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
