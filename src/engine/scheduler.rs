//! The units that a process works on, one after the other: all that are left, or, in a worker, its share, then others'.

use super::blocking::blocking;
use super::cancel::Cancel;
use super::in_flight::InFlight;
use super::partition::Partition;
use super::peers::{PeerProgress, PendingUnit, finished, seen};
use super::queue::Queue;
use crate::store::{ClaimOutcome, Receipt, RunDir, StoreError, WorkerSession};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a process works together with others in its run directory.
#[derive(Debug, Clone)]
pub struct WorkerRole {
    /// Its place among them.
    pub member: Arc<WorkerSession>,
    /// Its share.
    pub partition: Partition,
    /// Whether it takes up what others have not begun, when its own share is done.
    pub help: bool,
    /// How long it waits for others at a stage's end with nothing to do; `None` for as long as they live.
    pub wait: Option<Duration>,
}

/// What comes next, `W` being how a unit is named.
pub(super) enum NextUnit<W> {
    /// Do this one.
    Do(W),
    /// Another worker has done this one.
    Found(Box<Receipt>),
    /// The others have not done these, and they are not for this process to do.
    Missing(Vec<PendingUnit>),
    /// The run directory can't be used.
    Lost(StoreError),
}

impl NextUnit<usize> {
    /// With the unit of that number in place of the number; `None` where it was taken before.
    pub(super) fn with<U>(self, units: &mut [Option<U>]) -> Option<NextUnit<U>> {
        Some(match self {
            Self::Do(unit) => NextUnit::Do(units.get_mut(unit)?.take()?),
            Self::Found(receipt) => NextUnit::Found(receipt),
            Self::Missing(units) => NextUnit::Missing(units),
            Self::Lost(error) => NextUnit::Lost(error),
        })
    }
}

/// What a look at the others brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerNews {
    Nothing,
    /// They have done units.
    Done,
    /// They have given up units that this process may do.
    Freed,
}

/// Between two looks at what others have done, at first.
const POLL: Duration = Duration::from_millis(200);

/// The units of a stage that are left, in the order in which this process takes them. It knows them by number and name
/// alone, so that it is compiled once for all stages.
pub(super) struct Scheduler {
    stage: &'static str,
    run_dir: RunDir,
    cancel: Cancel,
    worker: Option<WorkerRole>,
    queue: Queue,
    units: Vec<Option<PendingUnit>>,
    /// Units that others are at.
    elsewhere: HashSet<usize>,
    /// What became of the units handed out.
    in_flight: Arc<InFlight>,
    found: Vec<Receipt>,
    /// Whether it was looked what others have done, since what they did was last met with.
    looked: bool,
    /// Since when there is nothing to do here, and no news of the others.
    waiting: Option<Instant>,
    poll: Duration,
    /// Whether the last look showed what others did: one more after each of their units would be looking without pause.
    rest: bool,
    ended: bool,
}

impl Scheduler {
    /// Over the units of `stage` with their costs, `None` where one is done.
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

    /// What comes next; `None` when all is done, or nothing more is to be begun here.
    pub(super) async fn next(&mut self) -> Option<NextUnit<usize>> {
        while !self.ended && !self.in_flight.is_stopped() && !self.cancel.is_cancelled() {
            if let Some(receipt) = self.found.pop() {
                return Some(NextUnit::Found(receipt.into()));
            }
            let cancel = self.cancel.clone();
            let step = tokio::select! {
                biased;
                step = self.step() => step,
                // A server out of reach is not waited for; a claim made meanwhile goes with this process.
                () = cancel.cancelled() => return None,
            };
            match step {
                Ok(None) => {}
                Ok(turn) => return turn,
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
                // What others have done meanwhile is learnt at one look, not by trying for each unit.
                if !std::mem::replace(&mut self.looked, true)
                    && self.look(&worker).await? != PeerNews::Nothing
                {
                    return Ok(None);
                }
                self.free(true)
            }
            _ => own,
        };
        match (next, self.worker.clone()) {
            (Some(unit), None) => Ok(self.hand_out(unit)),
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

    /// The unit to try next that no other worker is at.
    fn free(&self, help: bool) -> Option<usize> {
        self.queue.next(|unit| !self.elsewhere.contains(&unit), help)
    }

    fn hand_out(&mut self, unit: usize) -> Option<NextUnit<usize>> {
        self.queue.take(unit);
        (self.waiting, self.rest) = (None, false);
        self.units.get_mut(unit)?.take()?;
        self.in_flight.begin();
        Some(NextUnit::Do(unit))
    }

    /// Claims a unit, unless another worker has it or has done it meanwhile.
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
            Some(None) => self.hand_out(unit),
            Some(Some(receipt)) => {
                self.queue.take(unit);
                (self.waiting, self.looked) = (None, false);
                Some(NextUnit::Found(receipt.into()))
            }
        })
    }

    /// Nothing is free: finds out what others have done or given up, waits a little where that is nothing.
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
        if self.look(worker).await? != PeerNews::Nothing {
            return Ok(None);
        }
        let member = worker.member.clone();
        let company = worker.help || blocking(move || member.has_company()).await?;
        let patient = busy || worker.wait.is_none_or(|wait| since.elapsed() < wait);
        if !company || !patient {
            // The last one may have left since the look, with its units done or not.
            if !company && self.look(worker).await? != PeerNews::Nothing {
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
        // The more workers wait, the less often each asks.
        let slowest = Duration::from_secs_f64((worker.partition.of as f64 / 20.0).clamp(2.0, 30.0));
        self.poll = self.poll.mul_f64(1.5).min(slowest);
    }

    /// The units that are left, by number.
    fn left(&self) -> impl Iterator<Item = (usize, PendingUnit)> {
        self.queue.left().filter_map(move |at| Some((at, self.units.get(at)?.clone()?)))
    }

    /// Takes up what others have finished, and frees what they have given up.
    async fn look(&mut self, worker: &WorkerRole) -> Result<PeerNews, StoreError> {
        let left: Vec<(usize, PendingUnit)> = self.left().collect();
        let (member, run_dir, stage) = (worker.member.clone(), self.run_dir.clone(), self.stage);
        let PeerProgress { done, under_way } =
            blocking(move || seen(&run_dir, &member, stage, left)).await?;
        let mut news = if done.is_empty() { PeerNews::Nothing } else { PeerNews::Done };
        for (at, receipt) in done {
            self.queue.take(at);
            self.elsewhere.remove(&at);
            self.found.push(receipt);
        }
        let given_up = !self.elsewhere.is_subset(&under_way);
        self.elsewhere = under_way;
        // What they gave up of their own shares is not for one that does not help.
        if given_up && self.free(worker.help).is_some() {
            news = PeerNews::Freed;
        }
        match news {
            PeerNews::Nothing => {}
            PeerNews::Done => (self.waiting, self.rest) = (None, true),
            PeerNews::Freed => (self.waiting, self.rest, self.poll) = (None, false, POLL),
        }
        Ok(news)
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
