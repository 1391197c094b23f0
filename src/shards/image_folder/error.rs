//! The errors of listing image files.

use super::key::shown;
use std::path::{Path, PathBuf};

/// An error of listing image files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
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
    /// An unusable folder or list of files.
    #[error("{}: {problem}", shown(path))]
    List {
        /// The list or folder.
        path: PathBuf,
        /// The problem and its remedy.
        problem: String,
    },
}

impl FolderError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn list(path: &Path, problem: impl Into<String>) -> Self {
        Self::List { path: path.to_owned(), problem: problem.into() }
    }
}
