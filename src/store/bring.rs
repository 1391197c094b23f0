//! Files of a run directory in an object store: brought to this machine when they are read, sent when they are whole.

use super::atomic::{Written, file_digest};
use super::error::StoreError;
use super::far::Far;
use super::run_dir::{RECEIPT, RunDir};
use super::sweep::FOLDERS;
use super::team::CLAIM;
use super::temporary::temporary;
use crate::objects::TransferError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files brought at once.
const AT_ONCE: usize = 8;

const OTHER: &str = "it is not what its receipt says; run again, or see `coda-pipe verify`";

impl RunDir {
    /// A file of the run directory, to be read: brought from the object store, if it is not at hand as its receipt says.
    ///
    /// # Errors
    /// If it can't be brought, or is not what its receipt says.
    pub fn local(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path(name);
        let Some(far) = self.far() else { return Ok(path) };
        let expected = {
            let known = far.known();
            if known.whole.contains(name) {
                return Ok(path);
            }
            known.expected.get(name).cloned()
        };
        let is_right = |path: &PathBuf| match &expected {
            Some(expected) => file_digest(path)
                .is_ok_and(|(bytes, xxh3)| bytes == expected.bytes && xxh3 == expected.xxh3),
            None => false,
        };
        if !is_right(&path) {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(StoreError::io("create the folder", folder))?;
            }
            let coming = temporary(&path);
            let brought = self.bring(far, name, &coming).and_then(|()| {
                match expected.is_none() || is_right(&coming) {
                    true => {
                        std::fs::rename(&coming, &path).map_err(StoreError::io("rename to", &path))
                    }
                    false => Err(self.failed("use", name)(io::Error::other(OTHER))),
                }
            });
            if brought.is_err() {
                let _ = std::fs::remove_file(&coming);
            }
            brought?;
        }
        if expected.is_some() {
            far.known().whole.insert(name.to_owned());
        }
        Ok(path)
    }

    /// Writes an object as the file `to`, which a failure may leave in part.
    fn bring(&self, far: &Far, name: &str, to: &Path) -> Result<(), StoreError> {
        match far.bucket.download(name, to) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.failed("read", name)(io::ErrorKind::NotFound.into())),
            Err(error) => Err(self.stuck(error, ("write", to), "read")),
        }
    }

    /// A file that did not come or go: by what was done `here` with its file on this machine, or `there` with its object.
    pub(super) fn stuck(
        &self,
        error: TransferError,
        here: (&'static str, &Path),
        there: &'static str,
    ) -> StoreError {
        match error.here {
            true => StoreError::io(here.0, here.1)(error.error),
            false => self.failed(there, &error.name)(error.error),
        }
    }

    /// As [`RunDir::local`], of many files.
    ///
    /// # Errors
    /// As [`RunDir::local`].
    pub fn local_all<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let names: Vec<&str> = names.collect();
        if self.is_far() {
            self.for_each(&names, |name| self.local(name).map(drop))?;
        }
        Ok(names.into_iter().map(|name| self.path(name)).collect())
    }

    /// Does `bring` for each of `what`, several at a time: they wait for the server, not for this machine's cores.
    ///
    /// # Errors
    /// The first of `bring`'s.
    pub(in crate::store) fn for_each<What: Sync>(
        &self,
        what: &[What],
        bring: impl Fn(&What) -> Result<(), StoreError> + Sync,
    ) -> Result<(), StoreError> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), StoreError> {
            while let Some(what) = what.get(next.fetch_add(1, Ordering::Relaxed)) {
                bring(what)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let start = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
            let threads: Vec<_> = (0..AT_ONCE.min(what.len())).map_while(start).collect();
            if threads.is_empty() {
                return work();
            }
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| {
                    let died = io::Error::other("a download died; this is a bug");
                    Err(self.failed("read", "")(died))
                })
            })
        })
    }

    /// As [`RunDir::local`], of a file that may not be there.
    ///
    /// # Errors
    /// If it can't be told, or not be brought.
    pub fn local_if_any(&self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        let Some(far) = self.far() else {
            let path = self.path(name);
            return Ok(path.exists().then_some(path));
        };
        if far.bucket.length(name).map_err(self.failed("examine", name))?.is_none() {
            return Ok(None);
        }
        self.local(name).map(Some)
    }

    /// Has every file of the run directory at hand, for what looks back at a whole run.
    ///
    /// # Errors
    /// As [`RunDir::local`].
    pub fn bring_all(&self) -> Result<(), StoreError> {
        let Some(far) = self.far() else { return Ok(()) };
        let mut names = Vec::new();
        for folder in FOLDERS {
            // What files should be is learnt from receipts.
            drop(self.receipts(folder)?);
            let found = far.bucket.list(folder, true).map_err(self.failed("list", folder))?;
            names.extend(found.into_iter().map(|(name, _)| name));
        }
        names.retain(|name| ![RECEIPT, CLAIM].iter().any(|ending| name.ends_with(ending)));
        let beside = ["run.json", "pipeline.toml", "quarantine.parquet"];
        for name in beside {
            if self.get(name)?.is_some() {
                names.push(name.to_owned());
            }
        }
        self.local_all(names.iter().map(String::as_str)).map(drop)
    }

    /// Sends files that were written here.
    pub(super) fn send(&self, written: &[Written]) -> Result<(), StoreError> {
        let Some(far) = self.far() else { return Ok(()) };
        let files: Vec<(String, PathBuf)> =
            written.iter().map(|output| (output.file.clone(), self.path(&output.file))).collect();
        far.bucket.upload(&files).map_err(|error| {
            let path = self.path(&error.name);
            self.stuck(error, ("read", &path), "write")
        })?;
        far.expect(written);
        let mut known = far.known();
        for output in written {
            known.whole.insert(output.file.clone());
            known.listed.insert(output.file.clone(), output.bytes);
        }
        Ok(())
    }

    /// Sends a file that a stage wrote beside its units, such as the list of what was left out.
    ///
    /// # Errors
    /// If it can't be sent.
    pub fn share(&self, name: &str) -> Result<(), StoreError> {
        if self.far().is_none() {
            return Ok(());
        }
        let path = self.path(name);
        let (bytes, xxh3) = file_digest(&path)?;
        self.send(&[Written { file: name.to_owned(), bytes, xxh3 }])
    }
}
