//! Paths, receipts and records of a run directory.

use super::atomic::{AtomicFile, Written, remove, sync_folder};
use super::error::StoreError;
use super::receipt::Receipt;
use super::record::RunRecord;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Ending of receipts' names.
pub(super) const RECEIPT: &str = ".receipt.json";

/// A run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
}

impl fmt::Display for RunDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.display().fmt(f)
    }
}

impl RunDir {
    /// The run directory at `root`; nothing is touched.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// As [`RunDir::new`], for a directory in which a run was begun.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if it holds no run's record.
    pub fn existing(root: &Path) -> Result<Self, StoreError> {
        let run_dir = Self::new(root);
        if run_dir.path("run.json").is_file() {
            return Ok(run_dir);
        }
        let what = format!("no run in {}: it has no run.json", root.display());
        Err(StoreError::Absent { what })
    }

    /// The run directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it; `name` has `/` between its parts.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(&self) -> Result<(), StoreError> {
        std::fs::create_dir_all(&self.root).map_err(StoreError::io("create the folder", &self.root))
    }

    fn receipt_path(&self, unit: &str) -> PathBuf {
        self.root.join(format!("{unit}{RECEIPT}"))
    }

    /// The receipt of `unit` (as `stage/name`), if there is a readable one.
    ///
    /// # Errors
    /// If it exists and can't be read. One that does not parse, or names files elsewhere, counts as absent: its unit is
    /// done again.
    pub fn receipt(&self, unit: &str) -> Result<Option<Receipt>, StoreError> {
        let path = self.receipt_path(unit);
        match std::fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice::<Receipt>(&text)
                .ok()
                .filter(|r| r.version == Receipt::VERSION && r.unit == unit && r.stays_inside())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", &path)(e)),
        }
    }

    /// Writes a receipt, the last act of a unit.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_receipt(&self, receipt: &Receipt) -> Result<(), StoreError> {
        self.write_json(&self.receipt_path(&receipt.unit), receipt)
    }

    /// Takes the receipt of `unit` away, if there is one: before its outputs are written anew, so that a run that is
    /// killed in between never leaves a receipt beside files that it does not describe.
    ///
    /// # Errors
    /// If it is there and can't be removed.
    pub fn revoke(&self, unit: &str) -> Result<(), StoreError> {
        let path = self.receipt_path(unit);
        if !path.exists() {
            return Ok(());
        }
        remove(&path)?;
        sync_folder(&path)
    }

    /// Removes what a unit left, files first: a receipt without its files is redone, files without a receipt would
    /// never be found again.
    ///
    /// # Errors
    /// If a file is there and can't be removed.
    pub fn discard(&self, receipt: &Receipt) -> Result<(), StoreError> {
        receipt.outputs.iter().try_for_each(|output| remove(&self.path(&output.file)))?;
        self.revoke(&receipt.unit)
    }

    /// Whether the outputs of a receipt are there in the recorded length.
    pub fn outputs_present(&self, receipt: &Receipt) -> bool {
        receipt.outputs.iter().all(|output| {
            std::fs::metadata(self.path(&output.file))
                .is_ok_and(|m| m.is_file() && m.len() == output.bytes)
        })
    }

    /// All receipts of a stage, by unit. Parsed on all cores: a large run has tens of thousands.
    ///
    /// # Errors
    /// If its folder can't be read.
    pub fn receipts(&self, stage: &str) -> Result<BTreeMap<String, Receipt>, StoreError> {
        let names = self.receipt_names(stage)?;
        let read = names.into_par_iter().filter_map(|unit| {
            let receipt = self.receipt(&unit).transpose()?;
            Some(receipt.map(|receipt| (unit, receipt)))
        });
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().collect())
    }

    /// The units of a stage that have a receipt, readable or not, as `stage/name`.
    ///
    /// # Errors
    /// If its folder can't be read.
    pub fn receipt_names(&self, stage: &str) -> Result<Vec<String>, StoreError> {
        let folder = self.path(stage);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::io("list", &folder)(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(StoreError::io("list", &folder))?.file_name();
            if let Some(unit) = name.to_string_lossy().strip_suffix(RECEIPT) {
                names.push(format!("{stage}/{unit}"));
            }
        }
        names.sort();
        Ok(names)
    }

    /// `run.json`; a fresh record where there is none.
    ///
    /// # Errors
    /// If it is there and can't be read or parsed.
    pub fn record(&self) -> Result<RunRecord, StoreError> {
        let path = self.path("run.json");
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| StoreError::Malformed { path, message: e.to_string() }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(RunRecord::default()),
            Err(e) => Err(StoreError::io("read", &path)(e)),
        }
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        self.write_json(&self.path("run.json"), record)
    }

    /// Writes a small file whole.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<Written, StoreError> {
        let path = self.path(name);
        let mut file = AtomicFile::create(&path)?;
        file.write_all(content).map_err(StoreError::io("write", &path))?;
        file.publish(&self.root)
    }

    fn write_json<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), StoreError> {
        let mut file = AtomicFile::create(path)?;
        serde_json::to_writer_pretty(&mut file, value)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(StoreError::io("write", path))?;
        file.publish(&self.root).map(drop)
    }
}
