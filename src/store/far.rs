//! A run directory in an object store.
//!
//! Its files lie in a scratch folder of this machine as they would in a run directory. They are sent when their unit is
//! done, then its receipt, in one write that is there or is not; so a receipt means the same as on a disk, and nothing is
//! ever half there. What another machine made is brought when it is read, and compared with what its receipt says.

use super::atomic::{Written, file_digest};
use super::error::StoreError;
use super::run_dir::{RECEIPT, RunDir};
use super::sweep::FOLDERS;
use super::team::CLAIM;
use super::temporary::temporary;
use crate::objects::Bucket;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Files brought at once.
const AT_ONCE: usize = 8;

/// The object store's side.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) bucket: Bucket,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What receipts say of files.
    expected: HashMap<String, Written>,
    /// Files in the scratch folder that were found to be just that.
    whole: HashSet<String>,
    /// Lengths of objects, as a listing had them.
    listed: HashMap<String, u64>,
}

impl Far {
    pub(super) fn open(url: &str) -> io::Result<Self> {
        Ok(Self { bucket: Bucket::open(url)?, known: Mutex::default() })
    }

    pub(super) fn url(&self) -> String {
        self.bucket.url()
    }

    /// Where files lie unless the user says where: a folder of the URL's own below the one for temporary files.
    pub(super) fn usual_scratch(&self) -> PathBuf {
        let url = self.bucket.url();
        let last = url.rsplit('/').next().unwrap_or_default();
        let hash = xxh3_64(url.as_bytes());
        std::env::temp_dir().join("coda-pipe").join(format!("{last}-{hash:016x}"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Maps only, and every entry is whole in itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what files should be.
    pub(super) fn expect(&self, outputs: &[Written]) {
        let mut known = self.known();
        for output in outputs {
            let before = known.expected.insert(output.file.clone(), output.clone());
            if before.is_some_and(|before| before != *output) {
                known.whole.remove(&output.file);
            }
        }
    }

    /// Whether the object of an output is there in the recorded length.
    pub(super) fn has(&self, output: &Written) -> bool {
        if self.known().listed.get(&output.file) == Some(&output.bytes) {
            return true;
        }
        self.bucket.length(&output.file).is_ok_and(|length| length == Some(output.bytes))
    }

    pub(super) fn get_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        self.bucket.get_all(names)
    }

    /// Names right in a folder, in order.
    pub(super) fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let found = self.bucket.list(folder, false)?;
        let start = format!("{folder}/");
        let names = found.iter().filter_map(|(name, _)| name.strip_prefix(&start));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// Remembers the length of every object below a folder: cheaper than asking for each.
    pub(super) fn survey(&self, folder: &str) -> io::Result<()> {
        let found = self.bucket.list(folder, true)?;
        let mut known = self.known();
        let start = format!("{folder}/");
        known.listed.retain(|name, _| !name.starts_with(&start));
        known.listed.extend(found);
        Ok(())
    }
}

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
            let came = far.bucket.download(name, &coming).map_err(self.failed("read", name))?;
            if !came {
                let gone = io::Error::from(io::ErrorKind::NotFound);
                return Err(self.failed("read", name)(gone));
            }
            if expected.is_some() && !is_right(&coming) {
                let _ = std::fs::remove_file(&coming);
                let other = "it is not what its receipt says; run again, or see `coda-pipe verify`";
                return Err(self.failed("use", name)(io::Error::other(other)));
            }
            std::fs::rename(&coming, &path).map_err(StoreError::io("rename to", &path))?;
        }
        if expected.is_some() {
            far.known().whole.insert(name.to_owned());
        }
        Ok(path)
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
        if self.far().is_none() {
            return Ok(names.into_iter().map(|name| self.path(name)).collect());
        }
        let next = AtomicUsize::new(0);
        let bring = || -> Result<(), StoreError> {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.local(name)?;
            }
            Ok(())
        };
        // They wait for the server, not for this machine's cores.
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(bring)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| {
                    let died = io::Error::other("a download died; this is a bug");
                    Err(self.failed("read", "")(died))
                })
            })
        })?;
        Ok(names.into_iter().map(|name| self.path(name)).collect())
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
            let name = files.first().map_or("", |(name, _)| name);
            self.failed("write", name)(error)
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
