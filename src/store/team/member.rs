//! A worker's place among the others.

use super::claim::{claim_name, claimant};
use super::note::{WorkerNote, WorkerState, now};
use super::peers::{ALONE, FOLDER, Peers, note_name};
use crate::store::backend::HeartbeatTimes;
use crate::store::error::StoreError;
use crate::store::run_dir::RunDir;
use std::collections::{BTreeSet, HashSet};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// This process among the workers of a run. Dropped, it says that it was interrupted, unless [`Member::leave`] said
/// otherwise.
#[derive(Debug)]
pub struct Member {
    run_dir: RunDir,
    worker: String,
    note: Arc<Mutex<WorkerNote>>,
    peers: Mutex<Peers>,
    /// Another worker that lived when it was last asked whether any does.
    company: Mutex<Option<String>>,
    /// Dropped first, which ends the heartbeat.
    heart: Option<Sender<()>>,
    beating: Option<std::thread::JoinHandle<()>>,
}

/// What came of wanting to begin a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// It is claimed: do it.
    Mine,
    /// A worker that lives is at it.
    Taken(String),
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers and names only, each change whole in itself.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    /// Takes the place of `worker` (`I-of-N`). `say` is told of a dead predecessor, or that one is being watched.
    /// `exclusive`: the others must be gone, and stay away.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another process has the place, or works here where one of the two wants to be alone.
    pub fn join(
        run_dir: &RunDir,
        worker: &str,
        exclusive: bool,
        say: impl Fn(&str),
    ) -> Result<Self, StoreError> {
        let HeartbeatTimes { interval, timeout } = run_dir.backend().heartbeat();
        let mut peers = Peers::new(timeout);
        let mut note = WorkerNote::new(worker, exclusive);
        let name = note_name(worker);
        if !run_dir.backend().create(&name, &text(&note))? {
            let own = || Ok(run_dir.note(worker)?.into_iter().collect::<Vec<_>>());
            if let Some(other) = peers.living(own, |_| true, &say)? {
                return Err(busy(run_dir, &other));
            }
            // A beat that its predecessor never had: whoever watches sees that somebody is there again.
            note.beat = run_dir.note(worker)?.map_or(0, |before| before.beat + 1);
            run_dir.backend().write(&name, &text(&note))?;
            if let Some(last) = run_dir.backend().confirm_takeover(&name)?
                && let Ok(other) = serde_json::from_slice::<WorkerNote>(&last)
                && other.holder != note.holder
            {
                return Err(busy(run_dir, &other));
            }
        }
        let against = |other: &WorkerNote| other.worker != worker && (exclusive || other.exclusive);
        // Of a thousand workers that begin at once, each need not read what all the others say.
        let others = || match exclusive {
            true => run_dir.workers(),
            false => Ok(run_dir.note(ALONE)?.into_iter().collect()),
        };
        if let Some(other) = peers.living(others, against, &say)? {
            note.state = WorkerState::Incomplete;
            run_dir.backend().write(&name, &text(&note))?;
            return Err(busy(run_dir, &other));
        }
        let note = Arc::new(Mutex::new(note));
        let (heart, stopped) = channel();
        // A beat that can't be told soon is followed by another.
        let (shared, place) = (note.clone(), run_dir.best_effort());
        let beating = crate::threads::spawn("heartbeat", move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                // A full disk shows itself where results are written.
                let _ = tell(&place, &shared);
            }
        });
        let beating = beating.map_err(|error| {
            // The place is given back: it has nobody.
            let _ = run_dir.backend().release(&name);
            StoreError::io("hold", &run_dir.path(&name))(error)
        })?;
        Ok(Self {
            run_dir: run_dir.clone(),
            worker: worker.to_owned(),
            note,
            peers: Mutex::new(peers),
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
        match Peers::new(timeout).living(|| run_dir.workers(), |_| true, say)? {
            Some(other) => Err(busy(run_dir, &other)),
            None => Ok(()),
        }
    }

    /// `I-of-N`.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// Says that a stage begins, and takes back what this place's predecessor claimed of it.
    ///
    /// # Errors
    /// If claims can't be read or removed.
    pub fn enter(&self, stage: &str) -> Result<(), StoreError> {
        {
            let mut note = lock(&self.note);
            note.stage = stage.to_owned();
            (note.stage_units, note.stage_seconds) = (0, 0.0);
        }
        tell(&self.run_dir, &self.note)?;
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
    pub fn begin(&self, unit: &str) -> Result<Begin, StoreError> {
        let (name, own) = (claim_name(unit), self.worker.as_bytes());
        // Again where a claim goes just when it is looked at; without one, work may be done twice, and no more.
        for _ in 0..3 {
            if self.run_dir.backend().create(&name, own)? {
                break;
            }
            match self.run_dir.claimant(unit)? {
                None => continue,
                Some(other) if other == self.worker => {}
                Some(other) if self.lives(&other)? => return Ok(Begin::Taken(other)),
                Some(_) => {
                    self.run_dir.backend().write(&name, own)?;
                    let last =
                        self.run_dir.backend().confirm_takeover(&name)?.map(|text| claimant(&text));
                    if let Some(other) = last.filter(|last| *last != self.worker) {
                        return Ok(Begin::Taken(other));
                    }
                }
            }
            break;
        }
        lock(&self.note).under_way.push(unit.to_owned());
        Ok(Begin::Mine)
    }

    /// Whether `worker` is to be counted with.
    fn lives(&self, worker: &str) -> Result<bool, StoreError> {
        let note = self.run_dir.note(worker)?;
        Ok(note.is_some_and(|note| lock(&self.peers).judge(note)))
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
        let notes: Vec<String> = others.iter().map(|worker| note_name(worker)).collect();
        let notes = self.run_dir.backend().read_many(&notes)?.into_iter().flatten();
        let mut peers = lock(&self.peers);
        let living: HashSet<String> = notes
            .filter_map(|text| serde_json::from_slice::<WorkerNote>(&text).ok())
            .map(|note| (note.worker.clone(), peers.judge(note)))
            .filter_map(|(worker, lives)| lives.then_some(worker))
            .collect();
        let at_work = |worker: &Option<String>| worker.as_ref().is_some_and(|w| living.contains(w));
        let units = units.into_iter().zip(&whose).filter(|(_, worker)| at_work(worker));
        Ok(units.map(|(unit, _)| unit).collect())
    }

    /// Whether any other worker lives, or can't be told dead yet.
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
        let others = self.run_dir.workers()?.into_iter().filter(|note| note.worker != self.worker);
        let mut peers = lock(&self.peers);
        let found =
            others.map(|note| (note.worker.clone(), peers.judge(note))).find(|(_, lives)| *lives);
        let any = found.is_some();
        *lock(&self.company) = found.map(|(worker, _)| worker);
        Ok(any)
    }

    /// Gives a unit back: done after so many seconds, failed, or not begun.
    ///
    /// # Errors
    /// If the claim can't be removed.
    pub fn end(&self, unit: &str, outcome: Option<Result<f64, ()>>) -> Result<(), StoreError> {
        {
            let mut note = lock(&self.note);
            note.under_way.retain(|other| other != unit);
            match outcome {
                Some(Ok(seconds)) => {
                    note.units += 1;
                    note.stage_units += 1;
                    note.stage_seconds += seconds;
                }
                Some(Err(())) => note.failed += 1,
                None => {}
            }
        }
        self.run_dir.backend().release(&claim_name(unit))
    }

    /// Says the last word.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn leave(&self, state: WorkerState, message: &str) -> Result<(), StoreError> {
        {
            let mut note = lock(&self.note);
            (note.state, note.message) = (state, message.to_owned());
        }
        // For people, and those who wait see by its silence that it has gone.
        tell(&self.run_dir.best_effort(), &self.note)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        drop(self.heart.take());
        if let Some(beating) = self.beating.take() {
            let _ = beating.join();
        }
        let under_way = std::mem::take(&mut lock(&self.note).under_way);
        let run_dir = self.run_dir.best_effort();
        // Best effort: claims of one that has left are void. One that can't be removed is followed by no better.
        let _ = under_way.iter().try_for_each(|unit| run_dir.backend().release(&claim_name(unit)));
        if lock(&self.note).state == WorkerState::Working {
            let _ = self.leave(WorkerState::Interrupted, "");
        }
    }
}

/// Writes the note with the next beat.
fn tell(run_dir: &RunDir, note: &Mutex<WorkerNote>) -> Result<(), StoreError> {
    let (name, text) = {
        let mut note = lock(note);
        note.beat += 1;
        note.time = now();
        (note_name(&note.worker), text(&note))
    };
    run_dir.backend().write(&name, &text)
}

fn text(note: &WorkerNote) -> Vec<u8> {
    // Strings and numbers: they always have a text.
    serde_json::to_vec_pretty(note).unwrap_or_default()
}

fn busy(run_dir: &RunDir, other: &WorkerNote) -> StoreError {
    let (worker, process) = (other.worker.clone(), other.process());
    StoreError::Busy { place: run_dir.to_string(), worker, process }
}

#[cfg(test)]
#[path = "member_tests.rs"]
mod tests;
