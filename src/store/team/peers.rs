//! Whether other workers live, told by watching them. No clocks are compared.

use super::note::WorkerNote;
use crate::store::backend::Depth;
use crate::store::error::StoreError;
use crate::store::run_dir::RunDir;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Folder of the workers' notes and events.
pub(in crate::store) const FOLDER: &str = "workers";

/// The place of a run without `--partition`, and of no other that wants to be alone.
pub(super) const ALONE: &str = "0-of-1";

/// Where a worker leaves its note.
pub(super) fn note_name(worker: &str) -> String {
    format!("{FOLDER}/{worker}.json")
}

/// What sorts workers' names by their numbers.
pub(in crate::store) fn in_order(worker: &str) -> Vec<u64> {
    worker.split("-of-").filter_map(|number| number.parse().ok()).collect()
}

impl RunDir {
    /// What the worker `worker` (`I-of-N`) said last of itself.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn note(&self, worker: &str) -> Result<Option<WorkerNote>, StoreError> {
        let name = note_name(worker);
        let mut tries = 0;
        loop {
            let Some(text) = self.backend().read(&name)? else { return Ok(None) };
            match serde_json::from_slice(&text) {
                Ok(note) => return Ok(Some(note)),
                // Being written, on a file system without links. What stays so is not taken for nobody.
                Err(_) if tries < 20 => std::thread::sleep(Duration::from_millis(50)),
                Err(error) => {
                    let (path, message) = (self.path(&name), error.to_string());
                    return Err(StoreError::Malformed { path, message });
                }
            }
            tries += 1;
        }
    }

    /// What all workers said last, by name in the order of their numbers.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn workers(&self) -> Result<Vec<WorkerNote>, StoreError> {
        let names = self.backend().list(FOLDER, Depth::Folder)?.into_iter();
        let names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
        let texts = self.backend().read_many(&names)?.into_iter().flatten();
        let mut notes: Vec<WorkerNote> =
            texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect();
        notes.sort_by_key(|note| in_order(&note.worker));
        Ok(notes)
    }
}

/// What was seen of other workers, and since when each stands still.
#[derive(Debug)]
pub(super) struct Peers {
    patience: Duration,
    seen: HashMap<String, (WorkerNote, Instant)>,
}

impl Peers {
    /// `patience`: how long one must stand still to be dead.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, seen: HashMap::new() }
    }

    /// Whether the writer of a note just read is to be counted with: it lives, or can't be told dead yet.
    pub(super) fn judge(&mut self, note: WorkerNote) -> bool {
        if let Some(lives) = note.lives() {
            self.seen.remove(&note.worker);
            return lives;
        }
        let now = Instant::now();
        match self.seen.get(&note.worker) {
            Some((before, since)) if note.stands_as(before) => since.elapsed() < self.patience,
            _ => {
                self.seen.insert(note.worker.clone(), (note, now));
                true
            }
        }
    }

    /// The first worker that lives for certain among those that `read` finds and `concerns` picks, watched for as long as
    /// it takes to know. `say` is told when that takes time.
    pub(super) fn living(
        &mut self,
        read: impl Fn() -> Result<Vec<WorkerNote>, StoreError>,
        concerns: impl Fn(&WorkerNote) -> bool,
        say: impl Fn(&str),
    ) -> Result<Option<WorkerNote>, StoreError> {
        let mut told = false;
        let mut notes = read()?;
        let started: HashMap<String, WorkerNote> =
            notes.iter().map(|note| (note.worker.clone(), note.clone())).collect();
        loop {
            let mut unknown = None;
            for note in notes.into_iter().filter(&concerns) {
                let moved = started.get(&note.worker).is_none_or(|before| !note.stands_as(before));
                match note.lives() {
                    Some(true) => return Ok(Some(note)),
                    Some(false) => {}
                    None if moved => return Ok(Some(note)),
                    None if self.judge(note.clone()) => unknown = Some(note),
                    None => {}
                }
            }
            let Some(note) = unknown else { return Ok(None) };
            if !std::mem::replace(&mut told, true) {
                say(&format!(
                    "worker {} ({}) has not said goodbye: watching for up to {} s whether it lives",
                    note.worker,
                    note.process(),
                    self.patience.as_secs()
                ));
            }
            std::thread::sleep(self.patience / 50);
            notes = read()?;
        }
    }
}
