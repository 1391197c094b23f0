//! Why a set can't be exported.

use crate::imaging::ImagingError;
use crate::shards::ShardFault;
use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// A failure of an export; each names the file or the class, and the cure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The run has not come to its end.
    #[error(
        "{run} is not finished: {missing}; finish the run first (coda-pipe run), then export again"
    )]
    Unfinished {
        /// The run directory.
        run: String,
        /// What is missing, in words.
        missing: String,
    },
    /// The set has no image.
    #[error("{run} has no image in its {set} set: there is nothing to export")]
    Empty {
        /// The run directory.
        run: String,
        /// The set.
        set: &'static str,
    },
    /// A file of the run is not what its receipt says.
    #[error(
        "{file} of {run} is not what the run wrote ({problem}): coda-pipe verify {run} --repair makes it again"
    )]
    Damaged {
        /// The file, below the run directory.
        file: String,
        /// The run directory.
        run: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The run directory.
    #[error(transparent)]
    Run(StoreError),
    /// A sample of a shard of the run.
    #[error("{0}")]
    Shard(ShardFault),
    /// A class can't have a folder of the kind that was asked for.
    #[error("{0}")]
    Folders(String),
    /// The place of the export holds something else.
    #[error("{dir}: {problem}")]
    Place {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it, and the cure.
        problem: String,
    },
    /// Reading or writing in the place of the export failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A table can't be encoded.
    #[error("cannot write {path}: {message}")]
    Table {
        /// The file.
        path: PathBuf,
        /// The library's complaint.
        message: String,
    },
    /// An image of the set, for the pictures of the card.
    #[error("image {key}: {source}")]
    Image {
        /// The sample key.
        key: String,
        /// What is wrong with it.
        source: ImagingError,
    },
}

impl ExportError {
    /// For `map_err`: an I/O failure of `action` on `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// For `map_err` where the place of the export is written: the hints of the run directory's own errors don't hold there.
    pub(super) fn writing(error: StoreError) -> Self {
        match error {
            StoreError::Io { action, path, source } => Self::Io { action, path, source },
            other => Self::Run(other),
        }
    }

    /// For `map_err`: the failure of a library that encodes `path`.
    pub(super) fn table<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |error| Self::Table { path, message: error.to_string() }
    }
}
