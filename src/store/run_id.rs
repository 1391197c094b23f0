//! What tells a run's unfinished files from those of others: a number that the run directory carries with it, wherever it is
//! moved, in the file `.coda-run`.

use super::error::StoreError;
use super::process_id::ProcessId;
use super::run_dir::RunDir;
use super::temporary::{belong, temporary};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_64;

/// The file.
pub(super) const RUN_ID: &str = ".coda-run";

impl RunDir {
    /// The number of the run directory, eight hexadecimal digits; `None` where it has none yet.
    ///
    /// # Errors
    /// If its file can't be read.
    pub fn run_id(&self) -> Result<Option<String>, StoreError> {
        let path = self.path(RUN_ID);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let id = text.trim();
                let sound = id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit());
                Ok(sound.then(|| id.to_ascii_lowercase()))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", &path)(e)),
        }
    }

    /// Has temporary files of this process below the run directory carry its number, which is made where there is none.
    ///
    /// # Errors
    /// If it can't be read or made.
    pub(super) fn take_up(&self) -> Result<(), StoreError> {
        let id = match self.run_id()? {
            Some(id) => id,
            None => self.make_id()?,
        };
        belong(self.root(), id);
        Ok(())
    }

    /// Of processes that begin at once, the first one's number is all of theirs.
    fn make_id(&self) -> Result<String, StoreError> {
        let path = self.path(RUN_ID);
        let mine = new_id();
        let coming = temporary(&path);
        std::fs::write(&coming, format!("{mine}\n")).map_err(StoreError::io("write", &coming))?;
        let made = put_in_place(&coming, &path);
        let _ = std::fs::remove_file(&coming);
        made.map_err(StoreError::io("create", &path))?;
        Ok(self.run_id()?.unwrap_or(mine))
    }
}

fn put_in_place(coming: &Path, path: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(coming, path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        // A file system without links.
        Err(_) => std::fs::rename(coming, path),
    }
}

fn new_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let ProcessId { host, boot, process, started, .. } = ProcessId::this();
    let from = format!("{host} {boot} {process} {started} {now}");
    format!("{:08x}", xxh3_64(from.as_bytes()) & 0xffff_ffff)
}
