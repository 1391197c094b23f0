//! Why a file holds no array of numbers.

use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// A file that can't be read as an array, or not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// The disk said no.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The disk's words.
        source: std::io::Error,
    },
    /// Writing the file.
    #[error(transparent)]
    Write(#[from] StoreError),
    /// It holds several, of which one has to be named.
    #[error("{path}: choose a {what} with {flag}: {}", names.join(", "))]
    Choose {
        /// The file.
        path: PathBuf,
        /// What one of them is called: `tensor`, `column`.
        what: &'static str,
        /// The option that names one.
        flag: &'static str,
        /// Their names.
        names: Vec<String>,
    },
    /// Damaged, or of a kind that isn't an array of numbers.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl ArrayError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(super) fn content(path: &Path, reason: impl ToString) -> Self {
        Self::Content { path: path.to_owned(), reason: reason.to_string() }
    }
}
