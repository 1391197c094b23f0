//! Removing what a killed run left half done.

use super::atomic::TEMPORARY;
use super::error::StoreError;
use super::run_dir::RunDir;
use std::path::Path;

/// Folders of a run directory: nothing outside them is ever swept, for a user may choose any folder to run in.
pub(super) const FOLDERS: [&str; 14] = [
    "encode",
    "purity",
    "discover",
    "fetch",
    "anchor",
    "generate",
    "preview",
    "assemble",
    "distilled",
    "cores",
    "audit",
    "report",
    "evaluate",
    "stability",
];

impl RunDir {
    /// Removes the unfinished files that a killed run left. Call it under the lock.
    ///
    /// # Errors
    /// If a folder can't be listed or a file not removed.
    pub fn sweep(&self) -> Result<(), StoreError> {
        for folder in FOLDERS.map(|name| self.path(name)) {
            if folder.is_dir() {
                sweep_folder(&folder)?;
            }
        }
        for file in ["run.json", "pipeline.toml", "quarantine.parquet"] {
            let path = self.path(&format!("{file}{TEMPORARY}"));
            if path.exists() {
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

fn sweep_folder(folder: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let path = entry.path();
        // Of the entry itself: a link to a folder is none. No further system call a file, of which there are many.
        let kind = entry.file_type().map_err(StoreError::io("examine", &path))?;
        let unfinished = entry.file_name().to_string_lossy().ends_with(TEMPORARY);
        match (kind.is_dir(), unfinished) {
            (true, true) => {
                std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            }
            (true, false) => sweep_folder(&path)?,
            (false, true) => {
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
            (false, false) => {}
        }
    }
    Ok(())
}
