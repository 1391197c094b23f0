//! Where a run directory lies: a folder that all its workers see, or a folder of an object store.
//!
//! Stages write and read files below [`Backend::root`], a folder of this machine. A backend makes finished files visible
//! to the other workers, and makes the files of others readable here. Receipts, claims and workers' records are *key
//! files*: small, read and written whole, and always as the other workers see them.

use super::atomic::Written;
use super::error::StoreError;
use super::ranged::Ranged;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How the workers of a run directory show that they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeartbeatTimes {
    /// Time between two heartbeats.
    pub(super) interval: Duration,
    /// How long a heartbeat must stand still for its worker to be dead.
    pub(super) timeout: Duration,
}

/// What a listing goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The files right in a folder.
    Folder,
    /// The files of the folders below it too.
    Tree,
}

/// A file that was read from where it is kept, not from a copy of earlier.
#[derive(Debug)]
pub(super) struct FreshCopy {
    pub(super) path: PathBuf,
    /// Whether the file goes with this value.
    pub(super) is_temporary: bool,
}

impl Drop for FreshCopy {
    fn drop(&mut self) {
        if self.is_temporary {
            // Best effort: the next run sweeps leftovers.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A place for a run directory. Names are below it, with `/` between their parts; every error names the file.
///
/// An absent file is `None`, never an error; a failure to find out is an error, never `None`. A file is whole for whoever
/// reads it, or absent.
pub(super) trait Backend: Debug + Send + Sync {
    /// The path or URL of the run directory, for people.
    fn place(&self) -> String;

    /// The folder of this machine in which the files lie as far as they are local.
    fn root(&self) -> &Path;

    /// Whether other machines see the files only when they were published.
    fn is_remote(&self) -> bool;

    /// The same backend with its local files in another folder; `None` where they lie in the run directory itself.
    fn with_scratch(&self, scratch: &Path) -> Option<Arc<dyn Backend>>;

    /// The same backend with little patience for a server, for what need not succeed; `None` where there is no server.
    fn best_effort(&self) -> Option<Arc<dyn Backend>>;

    /// Bytes of files downloaded so far.
    fn downloaded_bytes(&self) -> u64;

    /// The content of a key file.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The contents of many key files, in order.
    fn read_many(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The length of a file.
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError>;

    /// Names of files below the run directory, in order; none where there is no such folder.
    fn list(&self, folder: &str, depth: Depth) -> Result<Vec<String>, StoreError>;

    /// Writes a key file in place of one that may be there. A power cut may undo the write.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), StoreError>;

    /// Writes a key file that survives a power cut.
    fn write_durably(&self, name: &str, content: &[u8]) -> Result<(), StoreError>;

    /// Writes a key file where there is none; `false` where there is one. One of several that try at once succeeds.
    fn create(&self, name: &str, content: &[u8]) -> Result<bool, StoreError>;

    /// Removes a key file that nothing is lost with, such as a claim; an absent one is as good.
    fn release(&self, name: &str) -> Result<(), StoreError>;

    /// Removes a file, here and for all; an absent one is as good.
    fn remove(&self, name: &str) -> Result<(), StoreError>;

    /// Removes a key file so that a power cut does not bring it back; an absent one is as good.
    fn remove_durably(&self, name: &str) -> Result<(), StoreError>;

    /// How often workers show that they live.
    fn heartbeat(&self) -> HeartbeatTimes;

    /// The content of a key file a moment after it was written in place of a dead worker's, which several may do at once:
    /// the last one has it. `None` where that can't be told, or need not.
    fn confirm_takeover(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Has the next listing of a folder show what others wrote there meanwhile.
    fn refresh(&self, folder: &str) -> Result<(), StoreError>;

    /// Learns from a receipt what files should be.
    fn expect(&self, outputs: &[Written]);

    /// Learns which files of a folder are there, before [`Backend::has`] is asked about many of them.
    fn survey(&self, folder: &str) -> Result<(), StoreError>;

    /// Whether a file is there in its recorded length.
    fn has(&self, output: &Written) -> Result<bool, StoreError>;

    /// Makes files that lie whole below the root visible to all workers.
    fn publish(&self, outputs: &[Written]) -> Result<(), StoreError>;

    /// As [`Backend::publish`], of one file of which nobody took the digest.
    fn publish_file(&self, name: &str) -> Result<(), StoreError>;

    /// How often a file that is appended to must be published again; `None` where others see each line at once.
    fn publish_interval(&self) -> Option<Duration>;

    /// A file as a local one, downloaded if it is not local as its receipt says.
    fn local(&self, name: &str) -> Result<PathBuf, StoreError>;

    /// As [`Backend::local`], of many files, several at once.
    fn make_local(&self, names: &[&str]) -> Result<(), StoreError>;

    /// Files of a folder tree that may have to be downloaded before they are read.
    fn downloadable(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// A file to read ranges of. A remote one is not downloaded as a whole.
    fn open_ranged(&self, name: &str) -> Result<Ranged, StoreError>;

    /// A file as it is kept, whatever copies of it are local. The path of an absent file does not exist.
    fn fresh_copy(&self, name: &str) -> Result<FreshCopy, StoreError>;
}
