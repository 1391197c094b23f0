//! Paths, receipts and records of a run directory.

use super::atomic::{AtomicFile, TEMPORARY, Written, sync_folder};
use super::error::StoreError;
use super::receipt::Receipt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Folders of a run directory: nothing outside them is ever swept, for a user may choose any folder to run in.
const FOLDERS: [&str; 7] =
    ["encode", "discover", "anchor", "generate", "assemble", "distilled", "cores"];

/// A run directory.
#[derive(Debug, Clone)]
pub struct RunDir {
    root: PathBuf,
}

/// `run.json`: what the directory is, for `status` and for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the program that worked here last.
    pub program: String,
    /// The pipeline file.
    pub pipeline: String,
    /// All settings in force.
    pub settings: serde_json::Value,
    /// ONNX Runtime, device and threads.
    pub runtime: serde_json::Value,
    /// Units of each stage whose list is known.
    pub stages: BTreeMap<String, StageRecord>,
}

/// What is known of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Units it consists of.
    pub units: u64,
}

impl RunDir {
    /// The run directory at `root`; nothing is touched.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
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

    /// Removes the unfinished files that a killed run left. Call it under the lock.
    ///
    /// # Errors
    /// If a folder can't be listed or a file not removed.
    pub fn sweep(&self) -> Result<(), StoreError> {
        fn visit(folder: &Path) -> Result<(), StoreError> {
            let entries = std::fs::read_dir(folder).map_err(StoreError::io("list", folder))?;
            for entry in entries {
                let path = entry.map_err(StoreError::io("list", folder))?.path();
                let folder = path.is_dir() && !path.is_symlink();
                let unfinished = path.to_string_lossy().ends_with(TEMPORARY);
                match (folder, unfinished) {
                    (true, true) => {
                        std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
                    }
                    (true, false) => visit(&path)?,
                    (false, true) => {
                        std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                    }
                    (false, false) => {}
                }
            }
            Ok(())
        }
        for folder in FOLDERS.map(|name| self.root.join(name)) {
            if folder.is_dir() {
                visit(&folder)?;
            }
        }
        for file in ["run.json", "pipeline.toml", "quarantine.parquet"] {
            let path = self.root.join(format!("{file}{TEMPORARY}"));
            if path.exists() {
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    fn receipt_path(&self, unit: &str) -> PathBuf {
        self.root.join(format!("{unit}.receipt.json"))
    }

    /// The receipt of `unit` (as `stage/name`), if there is a readable one.
    ///
    /// # Errors
    /// If it exists and can't be read. One that does not parse counts as absent: its unit is done again.
    pub fn receipt(&self, unit: &str) -> Result<Option<Receipt>, StoreError> {
        let path = self.receipt_path(unit);
        match std::fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice::<Receipt>(&text)
                .ok()
                .filter(|r| r.version == Receipt::VERSION && r.unit == unit)),
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
        match std::fs::remove_file(&path) {
            Ok(()) => sync_folder(&path),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(StoreError::io("remove", &path)(e)),
        }
    }

    /// Removes what a unit left, files first: a receipt without its files is redone, files without a receipt would
    /// never be found again.
    ///
    /// # Errors
    /// If a file is there and can't be removed.
    pub fn discard(&self, receipt: &Receipt) -> Result<(), StoreError> {
        for output in &receipt.outputs {
            let path = self.path(&output.file);
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::io("remove", &path)(e)),
            }
        }
        self.revoke(&receipt.unit)
    }

    /// Whether the outputs of a receipt are there in the recorded length.
    pub fn outputs_present(&self, receipt: &Receipt) -> bool {
        receipt.outputs.iter().all(|output| {
            std::fs::metadata(self.path(&output.file))
                .is_ok_and(|m| m.is_file() && m.len() == output.bytes)
        })
    }

    /// All receipts of a stage, by unit.
    ///
    /// # Errors
    /// If its folder can't be read.
    pub fn receipts(&self, stage: &str) -> Result<BTreeMap<String, Receipt>, StoreError> {
        let folder = self.path(stage);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(e) => return Err(StoreError::io("list", &folder)(e)),
        };
        let mut found = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", &folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(unit) = name.strip_suffix(".receipt.json") {
                let unit = format!("{stage}/{unit}");
                if let Some(receipt) = self.receipt(&unit)? {
                    found.insert(unit, receipt);
                }
            }
        }
        Ok(found)
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
