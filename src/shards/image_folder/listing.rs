//! The files to pack, with their class and state.

use super::error::FolderError;
use super::skipped_files::SkippedFiles;
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// A file to pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The path.
    pub path: PathBuf,
    /// The class key.
    pub class: String,
    /// The file's state when it was listed; `None` if unreadable.
    pub stamp: Option<Stamp>,
}

/// The length and time of a file, which show that its content changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: i128,
}

/// The files to pack, and the skipped files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub entries: Vec<Entry>,
    /// The skipped files.
    pub skipped: SkippedFiles,
}

impl Listing {
    /// The listing of `source` with the state of every file.
    ///
    /// # Errors
    /// If no image is in it.
    pub(crate) fn looked_at(mut self, source: &Path) -> Result<Self, FolderError> {
        if self.entries.is_empty() {
            let mut problem = "no image is in it".to_owned();
            let lines = self.skipped.lines();
            if !lines.is_empty() {
                problem += &format!(" ({})", lines.join("; "));
            }
            problem += ": give a folder with a folder a class, or a table";
            return Err(FolderError::list(source, problem));
        }
        // In parallel: on a network file system each takes a while.
        self.entries.par_iter_mut().for_each(|entry| entry.stamp = Stamp::of(&entry.path));
        Ok(self)
    }
}

impl Entry {
    /// A file whose state is not read yet.
    pub fn new(path: impl Into<PathBuf>, class: impl Into<String>) -> Self {
        Self { path: path.into(), class: class.into(), stamp: None }
    }
}

impl Stamp {
    /// The state of the file at `path`; `None` where it can't be looked at.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let about = fs::metadata(path).ok()?;
        let modified = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
        Some(Self { bytes: about.len(), modified })
    }
}
