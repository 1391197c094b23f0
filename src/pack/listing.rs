//! The files to pack, and what is known of them.

use super::passed_over::LeftOut;
use std::fs;
use std::path::{Path, PathBuf};

/// A file to pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its class key.
    pub class: String,
    /// Its state when it was listed; nothing where it can't be looked at.
    pub stamp: Option<Stamp>,
}

/// What tells that a file's content is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: i128,
}

/// What is to be packed, and what isn't.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub entries: Vec<Entry>,
    /// What was passed over.
    pub left_out: LeftOut,
}

impl Entry {
    /// A file that was not looked at yet.
    pub fn new(path: impl Into<PathBuf>, class: impl Into<String>) -> Self {
        Self { path: path.into(), class: class.into(), stamp: None }
    }
}

impl Stamp {
    /// The state of the file at `path`; `None` where it can't be looked at.
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let about = fs::metadata(path).ok()?;
        let modified = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
        Some(Self { bytes: about.len(), modified })
    }
}
