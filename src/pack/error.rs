//! The errors of packing.

use crate::shards::ShardError;
use crate::shards::image_folder::{FolderError, shown};
use crate::store::StoreError;
use std::path::PathBuf;

/// An error of packing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// An unusable folder or list of files.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An unusable pattern for the shards' names.
    #[error("--out {pattern}: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The problem and its remedy.
        problem: String,
    },
    /// Shards of other files or settings exist already.
    #[error(
        "{}: these shards were packed from other files or settings, or by an earlier version; name other shards with --out, or \
         add --force to replace these",
        shown(path)
    )]
    OtherPlan {
        /// The record of those shards.
        path: PathBuf,
    },
    /// More files were bad than the user allows.
    #[error(
        "{}: {reason}; {bad} files can't be packed and --max-bad allows {allowed} (finished shards are kept)",
        shown(path)
    )]
    TooManyBad {
        /// The last bad file.
        path: PathBuf,
        /// The reason.
        reason: String,
        /// The number of bad files.
        bad: usize,
        /// The allowed number.
        allowed: usize,
    },
    /// A shard could not be written.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PackError {
    pub(super) fn io(
        what: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let error = FolderError::io(what, path);
        move |source| Self::Folder(error(source))
    }

    pub(super) fn list(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::Folder(FolderError::list(path, problem))
    }
}
