//! Removing what a killed run left half done.

use super::error::StoreError;
use super::run_dir::RunDir;
use super::team::{CLAIM, FOLDER as WORKERS};
use super::temporary::{TEMPORARY, is_of_the_dead};
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
    /// Removes the unfinished files that killed runs left. Call it while nobody else works here.
    ///
    /// # Errors
    /// If a folder can't be listed or a file not removed.
    pub fn sweep(&self) -> Result<(), StoreError> {
        self.sweep_of(&|name| name.ends_with(TEMPORARY) || name.ends_with(CLAIM))
    }

    /// Removes the unfinished files of processes that are seen to be dead: others may be at work here.
    ///
    /// # Errors
    /// As [`RunDir::sweep`].
    pub fn sweep_after_the_dead(&self) -> Result<(), StoreError> {
        self.sweep_of(&is_of_the_dead)
    }

    fn sweep_of(&self, is_void: &dyn Fn(&str) -> bool) -> Result<(), StoreError> {
        for folder in FOLDERS.iter().chain([&WORKERS]).map(|name| self.path(name)) {
            if folder.is_dir() {
                sweep_folder(&folder, is_void, true)?;
            }
        }
        // Beside the folders lie what is the user's: only names that are ours are looked at.
        sweep_folder(self.root(), &|name| is_ours(name) && is_void(name), false)
    }
}

/// Removes from a folder, not from those in it, the unfinished files that dead processes of this machine left there.
///
/// # Errors
/// If it can't be listed or a file not removed.
pub fn sweep_after_the_dead(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() { sweep_folder(folder, &is_of_the_dead, false) } else { Ok(()) }
}

/// Whether a file of the run directory itself is one of ours that was not finished.
fn is_ours(name: &str) -> bool {
    ["run.json", "pipeline.toml", "quarantine.parquet"].iter().any(|file| name.starts_with(file))
}

fn sweep_folder(
    folder: &Path,
    is_void: &dyn Fn(&str) -> bool,
    below: bool,
) -> Result<(), StoreError> {
    let gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Another worker's, such as a class's index before it has its name.
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(StoreError::io("list", folder)(error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if gone(&error) => return Ok(()),
            Err(error) => return Err(StoreError::io("list", folder)(error)),
        };
        let path = entry.path();
        // Of the entry itself: a link to a folder is none. No further system call a file, of which there are many.
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // Another worker's that was finished meanwhile.
            Err(error) if gone(&error) => continue,
            Err(error) => return Err(StoreError::io("examine", &path)(error)),
        };
        let void = is_void(&entry.file_name().to_string_lossy());
        let removed = match (kind.is_dir(), void) {
            (true, true) if below => std::fs::remove_dir_all(&path),
            (true, false) if below => {
                sweep_folder(&path, is_void, true)?;
                Ok(())
            }
            (false, true) => std::fs::remove_file(&path),
            _ => Ok(()),
        };
        match removed {
            Err(error) if !gone(&error) => return Err(StoreError::io("remove", &path)(error)),
            _ => {}
        }
    }
    Ok(())
}
