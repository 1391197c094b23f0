//! Paths, receipts and records of a run directory.

use super::atomic::{AtomicFile, Written, remove, sync_folder};
use super::error::StoreError;
use super::far::Far;
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

/// A run directory: a folder, or a folder of an object store together with a scratch folder on this machine, in which
/// its files lie as they would in a run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
    far: Option<Arc<Far>>,
}

impl fmt::Display for RunDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.far {
            Some(far) => f.write_str(&far.url()),
            None => self.root.display().fmt(f),
        }
    }
}

impl RunDir {
    /// The run directory at `root`; nothing is touched.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), far: None }
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
        let far = Far::open(url).map_err(StoreError::io("open", place))?;
        let root = scratch.map_or_else(|| far.usual_scratch(), Path::to_path_buf);
        Ok(Self { root, far: Some(Arc::new(far)) })
    }

    /// The object store behind it, if there is one.
    pub(super) fn far(&self) -> Option<&Far> {
        self.far.as_deref()
    }

    /// Whether other machines see it only through an object store.
    pub fn is_far(&self) -> bool {
        self.far.is_some()
    }

    /// The same with a short patience for the server of an object store, for what need not succeed.
    #[must_use]
    pub(super) fn hasty(&self) -> Self {
        let far = self.far().map(|far| Arc::new(far.hasty()));
        Self { root: self.root.clone(), far }
    }

    /// The same run directory with its files in another folder of this machine; a plain one stays as it is.
    #[must_use]
    pub fn with_scratch(self, scratch: &Path) -> Self {
        match self.far {
            Some(_) => Self { root: scratch.to_owned(), ..self },
            None => self,
        }
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
        if self.get("run.json")?.is_some() {
            return Ok(self);
        }
        let what = format!("no run in {self}: it has no run.json");
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
        std::fs::create_dir_all(&self.root)
            .map_err(StoreError::io("create the folder", &self.root))?;
        self.take_up()
    }

    /// The receipt of `unit` (as `stage/name`), if there is a readable one.
    ///
    /// # Errors
    /// If it exists and can't be read. One that does not parse, or names files elsewhere, counts as absent: its unit is
    /// done again.
    pub fn receipt(&self, unit: &str) -> Result<Option<Receipt>, StoreError> {
        let text = self.get(&receipt_name(unit))?;
        Ok(text.and_then(|text| self.parsed(unit, &text)))
    }

    fn parsed(&self, unit: &str, text: &[u8]) -> Option<Receipt> {
        let receipt = serde_json::from_slice::<Receipt>(text).ok();
        let sound =
            |r: &Receipt| r.version == Receipt::VERSION && r.unit == unit && r.stays_inside();
        let receipt = receipt.filter(sound)?;
        if let Some(far) = self.far() {
            far.expect(&receipt.outputs);
        }
        Some(receipt)
    }

    /// Writes a receipt, the last act of a unit. In an object store its files come first, all of them.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_receipt(&self, receipt: &Receipt) -> Result<(), StoreError> {
        self.send(&receipt.outputs)?;
        self.write_json(&receipt_name(&receipt.unit), receipt)
    }

    /// Takes the receipt of `unit` away, if there is one: before its outputs are written anew, so that a run that is
    /// killed in between never leaves a receipt beside files that it does not describe.
    ///
    /// # Errors
    /// If it is there and can't be removed.
    pub fn revoke(&self, unit: &str) -> Result<(), StoreError> {
        let name = receipt_name(unit);
        if self.far.is_some() {
            return self.delete(&name);
        }
        let path = self.path(&name);
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
        for output in &receipt.outputs {
            if self.far.is_some() {
                self.delete(&output.file)?;
            }
            remove(&self.path(&output.file))?;
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
        if let Some(far) = self.far() {
            far.survey(stage).map_err(self.failed("list", stage))?;
            let files: Vec<String> = names.iter().map(|unit| receipt_name(unit)).collect();
            let texts = far.get_all(&files).map_err(self.failed("read", stage))?;
            let read = names.into_iter().zip(texts);
            return Ok(read
                .filter_map(|(unit, text)| Some((unit.clone(), self.parsed(&unit, &text?)?)))
                .collect());
        }
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
        let names = self.names(stage)?.into_iter();
        Ok(names
            .filter_map(|name| Some(format!("{stage}/{}", name.strip_suffix(RECEIPT)?)))
            .collect())
    }

    /// `run.json`; a fresh record where there is none.
    ///
    /// # Errors
    /// If it is there and can't be read or parsed.
    pub fn record(&self) -> Result<RunRecord, StoreError> {
        let Some(text) = self.get("run.json")? else { return Ok(RunRecord::default()) };
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
        let written = file.publish(&self.root)?;
        self.send(std::slice::from_ref(&written))?;
        Ok(written)
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|e| StoreError::io("write", Path::new(name))(e.into()))?;
        text.push(b'\n');
        if self.far.is_some() {
            return self.put(name, &text);
        }
        self.write(name, &text).map(drop)
    }
}

fn receipt_name(unit: &str) -> String {
    format!("{unit}{RECEIPT}")
}
