//! What can go wrong with the run directory.

use crate::objects::is_store;
use parquet::errors::ParquetError;
use std::path::{Path, PathBuf};

/// A failure of the run directory; each names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("cannot {action} {path}: {source}{}", hint(source, path))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A Parquet file is damaged or of another kind.
    #[error("{path}: {message}; delete it to have its stage make it again")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Something that an earlier stage leaves is not there.
    #[error("there is {what}")]
    Absent {
        /// What is missing, and what to do.
        what: String,
    },
    /// Another process works in the run directory.
    #[error(
        "{path}: the folder is locked by another run ({holder}); wait for it, or choose another folder with --run-dir"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Process and host, as the holder wrote them.
        holder: String,
    },
    /// Another worker has the place, or one of the two wants the run directory for itself.
    #[error(
        "{place}: worker {worker} is already running there ({process}); workers of one run need different --partition numbers, and \
         a run without --partition needs the run directory for itself: wait for it, or choose another with --run-dir"
    )]
    Busy {
        /// The run directory.
        place: String,
        /// `I-of-N`.
        worker: String,
        /// Process and host, as it wrote them.
        process: String,
    },
    /// A file of ours that does not parse.
    #[error("{path} is not what this program writes ({message}); delete it and run again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

fn hint(source: &std::io::Error, path: &Path) -> &'static str {
    use std::io::ErrorKind;
    match source.kind() {
        // Of an object store, which has said what helps.
        ErrorKind::PermissionDenied if is_store(&path.to_string_lossy()) => "",
        ErrorKind::TimedOut => "; run again when it answers, nothing finished is lost",
        ErrorKind::StorageFull => "; free some space and run again, nothing finished is lost",
        ErrorKind::FileTooLarge => "; raise `ulimit -f` (the limit of a file's size) and run again",
        ErrorKind::QuotaExceeded => "; your quota is used up: free some and run again",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder you may write with --run-dir, or with --scratch if that is in an object store"
        }
        ErrorKind::StaleNetworkFileHandle => {
            "; the network file system lost the file: mount it again and run again, nothing finished is lost"
        }
        _ if is_device_failure(source) => {
            "; the disk or the network file system fails: see the system's log, then run again"
        }
        _ => "",
    }
}

/// EIO, which has no kind of its own.
fn is_device_failure(source: &std::io::Error) -> bool {
    source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

impl StoreError {
    /// Whether nothing more can be written where this failed.
    pub fn place_is_lost(&self) -> bool {
        use std::io::ErrorKind;
        let StoreError::Io { source, action, .. } = self else { return false };
        // A file that can't be read is one file; a place that can't be written is all.
        let writing = !matches!(*action, "read" | "open" | "examine" | "list" | "use");
        match source.kind() {
            // Of a server, after minutes of asking.
            ErrorKind::TimedOut => true,
            ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StaleNetworkFileHandle => writing,
            _ => writing && is_device_failure(source),
        }
    }

    /// For `map_err`: an I/O failure of `action` on `path`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| StoreError::Io { action, path, source }
    }

    /// For `map_err`: a failure of writing Parquet to `path`: the disk's, where it is at fault.
    pub fn writing_table(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        let path = path.to_owned();
        move |e| {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&e);
            while let Some(error) = cause {
                if let Some(disk) = error.downcast_ref::<std::io::Error>() {
                    // Not to be cloned: by its number, which has all there is to say, or else in words.
                    let said = || std::io::Error::new(disk.kind(), disk.to_string());
                    let source =
                        disk.raw_os_error().map_or_else(said, std::io::Error::from_raw_os_error);
                    return StoreError::Io { action: "write", path, source };
                }
                cause = error.source();
            }
            StoreError::Table { path, message: e.to_string() }
        }
    }

    /// For `map_err`: a Parquet or Arrow failure on `path`.
    pub fn table<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |e| StoreError::Table { path, message: e.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_place_is_lost_where_every_unit_would_fail_the_same_way() {
        let lost = |action: &'static str, kind: ErrorKind| {
            StoreError::io(action, Path::new("s3://b/run/x"))(Error::from(kind)).place_is_lost()
        };
        for action in ["write", "read"] {
            assert!(lost(action, ErrorKind::TimedOut), "{action}");
            assert!(!lost(action, ErrorKind::NotFound), "{action}");
        }
        assert!(lost("create", ErrorKind::PermissionDenied));
        assert!(!lost("read", ErrorKind::PermissionDenied));
    }

    #[test]
    fn a_hint_is_of_the_place_that_failed() {
        let said = |path: &str| {
            let denied = Error::new(ErrorKind::PermissionDenied, "no");
            StoreError::io("write", Path::new(path))(denied).to_string()
        };
        assert_eq!(said("s3://b/run/x"), "cannot write s3://b/run/x: no");
        assert!(said("/tmp/run/x").contains("--scratch"));
    }
}
