//! Removing what a killed run left half done.

use super::error::StoreError;
use super::run_dir::RunDir;
use super::run_id::RUN_ID;
use super::temporary::{Leftover, NO_RUN};
use super::workers::{CLAIM, FOLDER as WORKERS};
use std::path::Path;

/// What is void among the files that have names of ours.
struct Rules {
    /// The run's own, if it has one yet.
    run: Option<String>,
    /// Whether earlier versions' temporary files are taken too: in a folder that certainly is a run's.
    earlier: bool,
    /// Whether others may be at work: then only what dead processes of this machine left is void.
    dead_only: bool,
}

impl Rules {
    fn is_void(&self, name: &str) -> bool {
        let Some(leftover) = Leftover::of(name) else { return false };
        let own = match leftover.run {
            Some(run) => self.run.as_deref() == Some(run),
            None => self.earlier,
        };
        own && (!self.dead_only || leftover.is_of_the_dead())
    }
}

impl RunDir {
    /// Removes the unfinished files that killed runs left in `folders`, and claims. Call it while nobody else works here.
    /// Nothing outside these folders is swept, for a user may choose any folder to run in.
    ///
    /// # Errors
    /// If a folder can't be listed or a file not removed.
    pub fn sweep(&self, folders: &[&str]) -> Result<(), StoreError> {
        self.sweep_by(folders, false)
    }

    /// Removes the unfinished files of processes that are seen to be dead: others may be at work here.
    ///
    /// # Errors
    /// As [`RunDir::sweep`].
    pub fn sweep_after_the_dead(&self, folders: &[&str]) -> Result<(), StoreError> {
        self.sweep_by(folders, true)
    }

    fn sweep_by(&self, folders: &[&str], dead_only: bool) -> Result<(), StoreError> {
        let earlier = self.path("run.json").is_file();
        let rules = Rules { run: self.run_id()?, earlier, dead_only };
        for folder in folders.iter().chain([&WORKERS]).map(|name| self.path(name)) {
            if folder.is_dir() {
                sweep_folder(&folder, &|name| rules.is_void(name), DEEPEST)?;
                if !dead_only {
                    remove_claims(&folder)?;
                }
            }
        }
        // Beside the folders lie what is the user's: only names that are ours are looked at.
        sweep_folder(self.root(), &|name| is_ours(name) && rules.is_void(name), 0)
    }
}

/// Folders below a stage's: a class's, or two of `evaluate`.
const DEEPEST: usize = 2;

/// Removes the claims in a stage's folder: files that hold a worker's name and nothing else.
fn remove_claims(folder: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let named = entry.file_name().to_string_lossy().ends_with(CLAIM);
        if named && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let path = entry.path();
            let short = entry.metadata().is_ok_and(|about| about.len() < 64);
            if short && std::fs::read_to_string(&path).is_ok_and(|text| is_worker(text.trim())) {
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
    }
    Ok(())
}

/// Whether a text is `I-of-N`.
fn is_worker(text: &str) -> bool {
    let number = |text: &str| text.parse::<usize>().is_ok();
    text.split_once("-of-").is_some_and(|(index, of)| number(index) && number(of))
}

/// Removes from a folder, not from those in it, the unfinished files that dead processes of this machine left there.
///
/// # Errors
/// If it can't be listed or a file not removed.
pub fn sweep_after_the_dead(folder: &Path) -> Result<(), StoreError> {
    let rules = Rules { run: Some(NO_RUN.to_owned()), earlier: false, dead_only: true };
    if folder.is_dir() { sweep_folder(folder, &|name| rules.is_void(name), 0) } else { Ok(()) }
}

/// Whether a file of the run directory itself is one of ours that was not finished.
fn is_ours(name: &str) -> bool {
    ["run.json", "pipeline.toml", "quarantine.parquet", RUN_ID]
        .iter()
        .any(|file| name.starts_with(file))
}

fn sweep_folder(
    folder: &Path,
    is_void: &dyn Fn(&str) -> bool,
    deep: usize,
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
            (true, true) if deep > 0 => std::fs::remove_dir_all(&path),
            // Another run's own folder is its own to sweep.
            (true, false) if deep > 0 && !path.join("run.json").exists() => {
                sweep_folder(&path, is_void, deep - 1)?;
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

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
