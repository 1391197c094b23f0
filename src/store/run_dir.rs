//! Paths, receipts and records of a run directory.

use super::atomic::{AtomicFile, Written};
use super::backend::{Backend, Depth};
use super::error::StoreError;
use super::local_dir::LocalDir;
use super::object_backend::ObjectStore;
use super::receipt::Receipt;
use super::record::RunRecord;
use crate::objects::is_store;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ending of receipts' names.
pub(super) const RECEIPT: &str = ".receipt.json";

/// Receipts whose texts are held at once.
const READ_AT_ONCE: usize = 1024;

/// A run directory: a folder, or a folder of an object store together with a scratch folder on this machine, in which
/// its files lie as they would in a run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    backend: Arc<dyn Backend>,
}

impl fmt::Display for RunDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.backend.place())
    }
}

impl RunDir {
    /// The run directory at `root`; nothing is touched.
    pub fn new(root: &Path) -> Self {
        Self { backend: Arc::new(LocalDir::new(root)) }
    }

    /// The run directory at `place`, a path or the URL of a folder of an object store; that has its files in `scratch`,
    /// or in a folder for temporary files.
    ///
    /// # Errors
    /// If the URL or the settings of its client can't be used.
    pub fn at(place: &Path, scratch: Option<&Path>) -> Result<Self, StoreError> {
        let Some(url) = place.to_str().filter(|place| is_store(place)) else {
            return Ok(Self::new(place));
        };
        let store = ObjectStore::open(url, scratch).map_err(StoreError::io("open", place))?;
        Ok(Self { backend: Arc::new(store) })
    }

    /// Where the run directory lies.
    pub(super) fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
    }

    /// Whether other machines see the run directory only through an object store.
    pub fn is_remote(&self) -> bool {
        self.backend.is_remote()
    }

    /// Bytes of files downloaded from the object store by this run directory and its clones.
    pub fn downloaded_bytes(&self) -> u64 {
        self.backend.downloaded_bytes()
    }

    /// The same run directory with little patience for the server of an object store, for what need not succeed.
    #[must_use]
    pub(super) fn best_effort(&self) -> Self {
        Self { backend: self.backend.best_effort().unwrap_or_else(|| self.backend.clone()) }
    }

    /// The same run directory with its files in another folder of this machine; a plain one stays as it is.
    #[must_use]
    pub fn with_scratch(self, scratch: &Path) -> Self {
        Self { backend: self.backend.with_scratch(scratch).unwrap_or(self.backend) }
    }

    /// As [`RunDir::new`], for a directory in which a run was begun.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if it holds no run's record.
    pub fn existing(root: &Path) -> Result<Self, StoreError> {
        let run_dir = Self::new(root);
        run_dir.begun()
    }

    /// Itself, if a run was begun in it.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if it holds no run's record.
    pub fn begun(self) -> Result<Self, StoreError> {
        if self.backend.read("run.json")?.is_some() {
            return Ok(self);
        }
        let what = format!("no run in {self}: it has no run.json");
        Err(StoreError::Absent { what })
    }

    /// The run directory itself.
    pub fn root(&self) -> &Path {
        self.backend.root()
    }

    /// A path in it; `name` has `/` between its parts.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(&self) -> Result<(), StoreError> {
        let root = self.root();
        std::fs::create_dir_all(root).map_err(StoreError::io("create the folder", root))?;
        self.take_up()
    }

    /// The receipt of `unit` (as `stage/name`), if there is a readable one.
    ///
    /// # Errors
    /// If it exists and can't be read. One that does not parse, or names files elsewhere, counts as absent: its unit is
    /// done again.
    pub fn receipt(&self, unit: &str) -> Result<Option<Receipt>, StoreError> {
        let text = self.backend.read(&receipt_name(unit))?;
        Ok(text.and_then(|text| self.parsed(unit, &text)))
    }

    fn parsed(&self, unit: &str, text: &[u8]) -> Option<Receipt> {
        #[cfg(test)]
        RECEIPTS_READ.with(|read| read.set(read.get() + 1));
        let receipt = serde_json::from_slice::<Receipt>(text).ok();
        let sound =
            |r: &Receipt| r.version == Receipt::VERSION && r.unit == unit && r.stays_inside();
        let receipt = receipt.filter(sound)?;
        self.backend.expect(&receipt.outputs);
        Some(receipt)
    }

    /// Writes a receipt, the last act of a unit. In an object store its files come first, all of them.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_receipt(&self, receipt: &Receipt) -> Result<(), StoreError> {
        self.backend.publish(&receipt.outputs)?;
        self.write_json(&receipt_name(&receipt.unit), receipt)
    }

    /// Removes the receipt of `unit`, if there is one: before its outputs are written anew, so that a run that is
    /// killed in between never leaves a receipt beside files that it does not describe.
    ///
    /// # Errors
    /// If it is there and can't be removed.
    pub fn revoke(&self, unit: &str) -> Result<(), StoreError> {
        self.backend.remove_durably(&receipt_name(unit))
    }

    /// Removes what a unit left, files first: a receipt without its files is redone, files without a receipt would
    /// never be found again.
    ///
    /// # Errors
    /// If a file is there and can't be removed.
    pub fn discard(&self, receipt: &Receipt) -> Result<(), StoreError> {
        for output in &receipt.outputs {
            self.backend.remove(&output.file)?;
        }
        self.revoke(&receipt.unit)
    }

    /// All receipts of a stage, by unit. Parsed on all cores: a large run has tens of thousands.
    ///
    /// # Errors
    /// If its folder can't be read.
    pub fn receipts(&self, stage: &str) -> Result<BTreeMap<String, Receipt>, StoreError> {
        self.receipts_of(stage, self.receipt_names(stage)?)
    }

    /// The receipts of these units of a stage, by unit; those that are there.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn receipts_of(
        &self,
        stage: &str,
        names: Vec<String>,
    ) -> Result<BTreeMap<String, Receipt>, StoreError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.backend.survey(stage)?;
        let mut receipts = BTreeMap::new();
        for units in names.chunks(READ_AT_ONCE) {
            let files: Vec<String> = units.iter().map(|unit| receipt_name(unit)).collect();
            let texts = self.backend.read_many(&files)?;
            let read = units.par_iter().zip(texts).filter_map(|(unit, text)| {
                let receipt = self.parsed(unit, &text?)?;
                Some((unit.clone(), receipt))
            });
            receipts.extend(read.collect::<Vec<_>>());
        }
        Ok(receipts)
    }

    /// The units of a stage that have a receipt, readable or not, as `stage/name`.
    ///
    /// # Errors
    /// If its folder can't be read.
    pub fn receipt_names(&self, stage: &str) -> Result<Vec<String>, StoreError> {
        let names = self.backend.list(stage, Depth::Folder)?.into_iter();
        Ok(names.filter_map(|name| Some(name.strip_suffix(RECEIPT)?.to_owned())).collect())
    }

    /// `run.json`; a fresh record where there is none.
    ///
    /// # Errors
    /// If it is there and can't be read or parsed.
    pub fn record(&self) -> Result<RunRecord, StoreError> {
        let Some(text) = self.backend.read("run.json")? else { return Ok(RunRecord::default()) };
        let path = self.path("run.json");
        serde_json::from_slice(&text)
            .map_err(|e| StoreError::Malformed { path, message: e.to_string() })
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        self.write_json("run.json", record)
    }

    /// Writes a small file whole.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<Written, StoreError> {
        let path = self.path(name);
        let mut file = AtomicFile::create(&path)?;
        file.write_all(content).map_err(StoreError::io("write", &path))?;
        let written = file.publish(self.root())?;
        self.backend.publish(std::slice::from_ref(&written))?;
        Ok(written)
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|e| StoreError::io("write", Path::new(name))(e.into()))?;
        text.push(b'\n');
        self.backend.write_durably(name, &text)
    }
}

#[cfg(test)]
thread_local! {
    static RECEIPTS_READ: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Receipts that this thread has read so far, for tests of how that grows.
#[cfg(test)]
pub(crate) fn receipts_read() -> u64 {
    RECEIPTS_READ.with(std::cell::Cell::get)
}

fn receipt_name(unit: &str) -> String {
    format!("{unit}{RECEIPT}")
}
