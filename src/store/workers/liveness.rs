//! Whether other workers live, found out by watching their heartbeats. No clocks are compared.

use super::record::WorkerRecord;
use crate::store::backend::Depth;
use crate::store::error::StoreError;
use crate::store::run_dir::RunDir;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Folder of the workers' records and events.
pub(in crate::store) const FOLDER: &str = "workers";

/// The place of a run without `--partition`, and of no other that wants to be alone.
pub(in crate::store) const ALONE: &str = "0-of-1";

/// Where a worker leaves its record.
pub(super) fn record_name(worker: &str) -> String {
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
    pub(super) fn worker_record(&self, worker: &str) -> Result<Option<WorkerRecord>, StoreError> {
        let name = record_name(worker);
        let mut tries = 0;
        loop {
            let Some(text) = self.backend().read(&name)? else { return Ok(None) };
            match serde_json::from_slice(&text) {
                Ok(record) => return Ok(Some(record)),
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
    pub fn workers(&self) -> Result<Vec<WorkerRecord>, StoreError> {
        let names = self.backend().list(FOLDER, Depth::Folder)?.into_iter();
        let names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
        let texts = self.backend().read_many(&names)?.into_iter().flatten();
        let mut records: Vec<WorkerRecord> =
            texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect();
        records.sort_by_key(|record| in_order(&record.worker));
        Ok(records)
    }
}

/// What was seen of other workers, and since when each stands still.
#[derive(Debug)]
pub(super) struct Liveness {
    timeout: Duration,
    seen: HashMap<String, (WorkerRecord, Instant)>,
}

impl Liveness {
    /// `timeout`: how long one must stand still to be dead.
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, seen: HashMap::new() }
    }

    /// Whether the writer of a record just read is to be counted with: it lives, or can't be known to be dead yet.
    pub(super) fn judge(&mut self, record: WorkerRecord) -> bool {
        if let Some(lives) = record.lives() {
            self.seen.remove(&record.worker);
            return lives;
        }
        let now = Instant::now();
        match self.seen.get(&record.worker) {
            Some((before, since)) if record.stands_as(before) => since.elapsed() < self.timeout,
            _ => {
                self.seen.insert(record.worker.clone(), (record, now));
                true
            }
        }
    }

    /// The first worker that lives for certain among those that `read` finds and `concerns` picks, watched for as long as
    /// it takes to know. `say` gets a message where that takes time.
    pub(super) fn living(
        &mut self,
        read: impl Fn() -> Result<Vec<WorkerRecord>, StoreError>,
        concerns: impl Fn(&WorkerRecord) -> bool,
        say: impl Fn(&str),
    ) -> Result<Option<WorkerRecord>, StoreError> {
        let mut announced = false;
        let mut records = read()?;
        let started: HashMap<String, WorkerRecord> =
            records.iter().map(|record| (record.worker.clone(), record.clone())).collect();
        loop {
            let mut unknown = None;
            for record in records.into_iter().filter(&concerns) {
                let moved =
                    started.get(&record.worker).is_none_or(|before| !record.stands_as(before));
                match record.lives() {
                    Some(true) => return Ok(Some(record)),
                    Some(false) => {}
                    None if moved => return Ok(Some(record)),
                    None if self.judge(record.clone()) => unknown = Some(record),
                    None => {}
                }
            }
            let Some(record) = unknown else { return Ok(None) };
            if !std::mem::replace(&mut announced, true) {
                say(&format!(
                    "worker {} ({}) stopped without releasing its place, or runs where this machine cannot see it: watching its \
                     heartbeat for up to {} s",
                    record.worker,
                    record.process(),
                    self.timeout.as_secs()
                ));
            }
            std::thread::sleep(self.timeout / 50);
            records = read()?;
        }
    }
}
