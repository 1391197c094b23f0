//! The errors of packing.

use super::key::shown;
use crate::shards::ShardError;
use crate::store::StoreError;
use std::path::PathBuf;

/// An error of packing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A file or folder can't be read.
    #[error("cannot {what} {}: {source}", shown(path))]
    Io {
        /// The failed operation.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An unusable list of files.
    #[error("{}: {problem}", shown(path))]
    List {
        /// The list or folder.
        path: PathBuf,
        /// The problem and its remedy.
        problem: String,
    },
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
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(super) fn list(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::List { path: path.to_owned(), problem: problem.into() }
    }
}
