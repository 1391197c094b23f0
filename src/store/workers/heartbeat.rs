//! This process as one of the workers of a run: its record with a heartbeat, and its claims.

use super::claim::{claim_name, claimant};
use super::liveness::{ALONE, FOLDER, Liveness, record_name};
use super::record::{WorkerRecord, WorkerState, now};
use crate::store::backend::HeartbeatTimes;
use crate::store::error::StoreError;
use crate::store::run_dir::RunDir;
use std::collections::{BTreeSet, HashSet};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// This process as one of the workers of a run. Dropped, it records that it was interrupted, unless
/// [`WorkerSession::leave`] recorded another end.
#[derive(Debug)]
pub struct WorkerSession {
    run_dir: RunDir,
    worker: String,
    record: Arc<Mutex<WorkerRecord>>,
    liveness: Mutex<Liveness>,
    /// Another worker that lived when it was last asked whether any does.
    company: Mutex<Option<String>>,
    /// Dropped first, which ends the heartbeat.
    heart: Option<Sender<()>>,
    beating: Option<std::thread::JoinHandle<()>>,
}

/// What came of claiming a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// This worker has the unit: do it.
    Claimed,
    /// Another worker, which lives, has the unit.
    Taken(String),
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers and names only, each change whole in itself.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WorkerSession {
    /// Joins the run as `worker` (`I-of-N`). `say` gets a message about a dead predecessor, or one whose heartbeat is
    /// watched. `exclusive`: the others must be gone, and stay away.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another process is that worker, or works here where one of the two must be alone.
    pub fn join(
        run_dir: &RunDir,
        worker: &str,
        exclusive: bool,
        say: impl Fn(&str),
    ) -> Result<Self, StoreError> {
        let HeartbeatTimes { interval, timeout } = run_dir.backend().heartbeat();
        let mut liveness = Liveness::new(timeout);
        let mut record = WorkerRecord::new(worker, exclusive);
        let name = record_name(worker);
        if !run_dir.backend().create(&name, &text(&record))? {
            let own = || Ok(run_dir.worker_record(worker)?.into_iter().collect::<Vec<_>>());
            if let Some(other) = liveness.living(own, |_| true, &say)? {
                return Err(busy(run_dir, &other));
            }
            let before = run_dir.worker_record(worker)?;
            if before.as_ref().is_some_and(|before| before.state == WorkerState::Working) {
                say(&format!(
                    "worker {worker} stopped without releasing its claims; continuing from its last receipt"
                ));
            }
            // A beat that its predecessor never had: whoever watches sees that somebody is there again.
            record.beat = before.map_or(0, |before| before.beat + 1);
            run_dir.backend().write(&name, &text(&record))?;
            if let Some(last) = run_dir.backend().confirm_takeover(&name)?
                && let Ok(other) = serde_json::from_slice::<WorkerRecord>(&last)
                && other.process_id != record.process_id
            {
                return Err(busy(run_dir, &other));
            }
        }
        let against =
            |other: &WorkerRecord| other.worker != worker && (exclusive || other.exclusive);
        // Of a thousand workers that begin at once, each need not read the records of all others.
        let others = || match exclusive {
            true => run_dir.workers(),
            false => Ok(run_dir.worker_record(ALONE)?.into_iter().collect()),
        };
        if let Some(other) = liveness.living(others, against, &say)? {
            record.state = WorkerState::Incomplete;
            run_dir.backend().write(&name, &text(&record))?;
            return Err(busy(run_dir, &other));
        }
        let record = Arc::new(Mutex::new(record));
        let (heart, stopped) = channel();
        // A beat that can't be written soon is followed by another.
        let (shared, place) = (record.clone(), run_dir.best_effort());
        let beating = crate::threads::spawn("heartbeat", move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                // A full disk shows itself where results are written.
                let _ = write_record(&place, &shared);
            }
        });
        let beating = beating.map_err(|error| {
            // Nobody is that worker now.
            let _ = run_dir.backend().release(&name);
            StoreError::io("hold", &run_dir.path(&name))(error)
        })?;
        Ok(Self {
            run_dir: run_dir.clone(),
            worker: worker.to_owned(),
            record,
            liveness: Mutex::new(liveness),
            company: Mutex::default(),
            heart: Some(heart),
            beating: Some(beating),
        })
    }

    /// Refuses while any worker lives in `run_dir`: for who wants it alone, and keeps others out by the lock.
    ///
    /// # Errors
    /// [`StoreError::Busy`] then.
    pub fn refuse_any(run_dir: &RunDir, say: impl Fn(&str)) -> Result<(), StoreError> {
        let timeout = run_dir.backend().heartbeat().timeout;
        run_dir.backend().refresh(FOLDER)?;
        match Liveness::new(timeout).living(|| run_dir.workers(), |_| true, say)? {
            Some(other) => Err(busy(run_dir, &other)),
            None => Ok(()),
        }
    }

    /// `I-of-N`.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// Records that a stage begins, and releases what this worker's predecessor claimed of it.
    ///
    /// # Errors
    /// If claims can't be read or removed.
    pub fn enter(&self, stage: &str) -> Result<(), StoreError> {
        {
            let mut record = lock(&self.record);
            record.stage = stage.to_owned();
            (record.stage_units, record.stage_seconds) = (0, 0.0);
        }
        write_record(&self.run_dir, &self.record)?;
        for (unit, worker) in self.run_dir.claims(stage)? {
            if worker == self.worker {
                self.run_dir.backend().release(&claim_name(&unit))?;
            }
        }
        Ok(())
    }

    /// Claims `unit`, from a dead worker too.
    ///
    /// # Errors
    /// If claims can't be read or written.
    pub fn begin(&self, unit: &str) -> Result<ClaimOutcome, StoreError> {
        let (name, own) = (claim_name(unit), self.worker.as_bytes());
        // Again where a claim goes just when it is looked at; without one, work may be done twice, and no more.
        for _ in 0..3 {
            if self.run_dir.backend().create(&name, own)? {
                break;
            }
            match self.run_dir.claimant(unit)? {
                None => continue,
                Some(other) if other == self.worker => {}
                Some(other) if self.lives(&other)? => return Ok(ClaimOutcome::Taken(other)),
                Some(_) => {
                    self.run_dir.backend().write(&name, own)?;
                    let last =
                        self.run_dir.backend().confirm_takeover(&name)?.map(|text| claimant(&text));
                    if let Some(other) = last.filter(|last| *last != self.worker) {
                        return Ok(ClaimOutcome::Taken(other));
                    }
                }
            }
            break;
        }
        lock(&self.record).under_way.push(unit.to_owned());
        Ok(ClaimOutcome::Claimed)
    }

    /// Whether `worker` lives, or can't be known to be dead yet.
    fn lives(&self, worker: &str) -> Result<bool, StoreError> {
        let record = self.run_dir.worker_record(worker)?;
        Ok(record.is_some_and(|record| lock(&self.liveness).judge(record)))
    }

    /// Those of `units`, which have claims, whose claimants live.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn under_way(&self, units: Vec<String>) -> Result<HashSet<String>, StoreError> {
        let claims: Vec<String> = units.iter().map(|unit| claim_name(unit)).collect();
        let texts = self.run_dir.backend().read_many(&claims)?.into_iter();
        let whose: Vec<Option<String>> =
            texts.map(|text| text.map(|text| claimant(&text))).collect();
        let mut others: BTreeSet<&String> = whose.iter().flatten().collect();
        others.remove(&self.worker);
        let records: Vec<String> = others.iter().map(|worker| record_name(worker)).collect();
        let records = self.run_dir.backend().read_many(&records)?.into_iter().flatten();
        let mut liveness = lock(&self.liveness);
        let living: HashSet<String> = records
            .filter_map(|text| serde_json::from_slice::<WorkerRecord>(&text).ok())
            .map(|record| (record.worker.clone(), liveness.judge(record)))
            .filter_map(|(worker, lives)| lives.then_some(worker))
            .collect();
        let at_work = |worker: &Option<String>| worker.as_ref().is_some_and(|w| living.contains(w));
        let units = units.into_iter().zip(&whose).filter(|(_, worker)| at_work(worker));
        Ok(units.map(|(unit, _)| unit).collect())
    }

    /// Whether any other worker lives, or can't be known to be dead yet.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn has_company(&self) -> Result<bool, StoreError> {
        // One answer is enough: all are asked when the last one that was seen has gone.
        let last = lock(&self.company).clone();
        if let Some(worker) = last
            && self.lives(&worker)?
        {
            return Ok(true);
        }
        let others =
            self.run_dir.workers()?.into_iter().filter(|record| record.worker != self.worker);
        let mut liveness = lock(&self.liveness);
        let found = others
            .map(|record| (record.worker.clone(), liveness.judge(record)))
            .find(|(_, lives)| *lives);
        let any = found.is_some();
        *lock(&self.company) = found.map(|(worker, _)| worker);
        Ok(any)
    }

    /// Releases a unit: done after so many seconds, failed, or not begun.
    ///
    /// # Errors
    /// If the claim can't be removed.
    pub fn end(&self, unit: &str, outcome: Option<Result<f64, ()>>) -> Result<(), StoreError> {
        {
            let mut record = lock(&self.record);
            record.under_way.retain(|other| other != unit);
            match outcome {
                Some(Ok(seconds)) => {
                    record.units += 1;
                    record.stage_units += 1;
                    record.stage_seconds += seconds;
                }
                Some(Err(())) => record.failed += 1,
                None => {}
            }
        }
        self.run_dir.backend().release(&claim_name(unit))
    }

    /// Records how this worker ends.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn leave(&self, state: WorkerState, message: &str) -> Result<(), StoreError> {
        {
            let mut record = lock(&self.record);
            (record.state, record.message) = (state, message.to_owned());
        }
        // For people; workers that wait see by the missing heartbeat that it has gone.
        write_record(&self.run_dir.best_effort(), &self.record)
    }
}

impl Drop for WorkerSession {
    fn drop(&mut self) {
        drop(self.heart.take());
        if let Some(beating) = self.beating.take() {
            let _ = beating.join();
        }
        let under_way = std::mem::take(&mut lock(&self.record).under_way);
        let run_dir = self.run_dir.best_effort();
        // Best effort: claims of one that has left are void. One that can't be removed is followed by no better.
        let _ = under_way.iter().try_for_each(|unit| run_dir.backend().release(&claim_name(unit)));
        if lock(&self.record).state == WorkerState::Working {
            let _ = self.leave(WorkerState::Interrupted, "");
        }
    }
}

/// Writes the record with the next beat.
fn write_record(run_dir: &RunDir, record: &Mutex<WorkerRecord>) -> Result<(), StoreError> {
    let (name, text) = {
        let mut record = lock(record);
        record.beat += 1;
        record.time = now();
        (record_name(&record.worker), text(&record))
    };
    run_dir.backend().write(&name, &text)
}

fn text(record: &WorkerRecord) -> Vec<u8> {
    // Strings and numbers: they always have a text.
    serde_json::to_vec_pretty(record).unwrap_or_default()
}

fn busy(run_dir: &RunDir, other: &WorkerRecord) -> StoreError {
    let (worker, process) = (other.worker.clone(), other.process());
    StoreError::Busy { place: run_dir.to_string(), worker, process }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
