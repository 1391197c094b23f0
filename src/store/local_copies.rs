//! What is known of the files of a run directory in an object store, and of their copies in the scratch folder.

use super::atomic::Written;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What receipts and listings said.
#[derive(Debug, Default)]
pub(super) struct LocalCopies(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// What receipts say of files.
    expected: HashMap<String, Written>,
    /// Files in the scratch folder that were found to be just that.
    whole: HashSet<String>,
    /// Lengths of objects by the last listing.
    listed: HashMap<String, u64>,
}

impl LocalCopies {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // Maps only, and every entry is whole in itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what files should be.
    pub(super) fn expect(&self, outputs: &[Written]) {
        let mut known = self.lock();
        for output in outputs {
            let before = known.expected.insert(output.file.clone(), output.clone());
            if before.is_some_and(|before| before != *output) {
                known.whole.remove(&output.file);
            }
        }
    }

    /// Notes that these files, as they lie in the scratch folder, were uploaded.
    pub(super) fn uploaded(&self, outputs: &[Written]) {
        self.expect(outputs);
        let mut known = self.lock();
        for output in outputs {
            known.whole.insert(output.file.clone());
            known.listed.insert(output.file.clone(), output.bytes);
        }
    }

    /// What a receipt says of a file.
    pub(super) fn expected(&self, name: &str) -> Option<Written> {
        self.lock().expected.get(name).cloned()
    }

    /// Whether the copy in the scratch folder is known to be what the receipt says.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.lock().whole.contains(name)
    }

    /// Notes that the copy in the scratch folder is what the receipt says.
    pub(super) fn set_whole(&self, name: &str) {
        self.lock().whole.insert(name.to_owned());
    }

    /// Notes the lengths of all objects below a folder.
    pub(super) fn set_listed(&self, folder: &str, found: Vec<(String, u64)>) {
        let mut known = self.lock();
        let start = format!("{folder}/");
        known.listed.retain(|name, _| !name.starts_with(&start));
        known.listed.extend(found);
    }

    /// The length of an object by the last listing that had it.
    pub(super) fn listed(&self, name: &str) -> Option<u64> {
        self.lock().listed.get(name).copied()
    }

    /// Forgets a file that is removed.
    pub(super) fn forget(&self, name: &str) {
        let mut known = self.lock();
        known.expected.remove(name);
        known.whole.remove(name);
        known.listed.remove(name);
    }
}
