//! A run directory in an object store.
//!
//! Its files lie in a scratch folder of this machine as they would in a run directory. They are sent when their unit is
//! done, then its receipt, in one write that is there or is not; so a receipt means the same as on a disk, and nothing is
//! ever half there. What another machine made is brought when it is read, and compared with what its receipt says.

use super::atomic::Written;
use crate::objects::Bucket;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// The object store's side.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) bucket: Bucket,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    /// What receipts say of files.
    pub(super) expected: HashMap<String, Written>,
    /// Files in the scratch folder that were found to be just that.
    pub(super) whole: HashSet<String>,
    /// Lengths of objects, as a listing had them.
    pub(super) listed: HashMap<String, u64>,
}

impl Far {
    pub(super) fn open(url: &str) -> io::Result<Self> {
        Ok(Self { bucket: Bucket::open(url)?, known: Mutex::default() })
    }

    /// The same with a short patience for the server, for what need not succeed.
    pub(super) fn hasty(&self) -> Self {
        Self { bucket: self.bucket.hasty(), known: Mutex::default() }
    }

    pub(super) fn url(&self) -> String {
        self.bucket.url()
    }

    /// Where files lie unless the user says where: a folder of the URL's own below the user's in the one for temporary
    /// files, which several share.
    pub(super) fn usual_scratch(&self) -> PathBuf {
        let url = self.bucket.url();
        let last = url.rsplit('/').next().unwrap_or_default();
        let hash = xxh3_64(url.as_bytes());
        // Processes are listed as their users'.
        let user = std::fs::metadata("/proc/self").map_or(0, |about| about.uid());
        std::env::temp_dir().join(format!("coda-pipe-{user}")).join(format!("{last}-{hash:016x}"))
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
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

    /// Whether there is an object of that length.
    pub(super) fn has(&self, name: &str, bytes: u64) -> io::Result<bool> {
        if self.known().listed.get(name) == Some(&bytes) {
            return Ok(true);
        }
        Ok(self.bucket.length(name)? == Some(bytes))
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
