//! Digests of large files, kept for this user's later processes: a small file for each, in a folder of caches.
//!
//! One counts while the large file's path, device, inode, length and both times are what they were. The time of change is
//! the system's alone: a file that was rewritten in place, with its time of modification set back, has another. As a
//! change can fall into the same tick of the clock as the one before, a file that is younger than a moment is not kept.

use super::atomic::AtomicFile;
use super::error::StoreError;
use std::collections::HashMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The coarsest clock of a file system in use counts two seconds.
const MOMENT: i64 = 3;

/// What tells one state of a file from others without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Where digests are kept between processes, and those of this one.
pub(super) struct Kept<'a> {
    folder: Option<&'a Path>,
}

/// Those that this process read: where nothing can be kept, several stages ask for the same.
static OF_PROCESS: LazyLock<Mutex<HashMap<Identity, u128>>> = LazyLock::new(Mutex::default);

impl Identity {
    /// That of the file at `path` now, links followed.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let (path, about) = (path.canonicalize()?, path.metadata()?);
        Ok(Self {
            path,
            device: about.dev(),
            inode: about.ino(),
            bytes: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }

    /// Whether a later change is sure to show in the times.
    pub(super) fn is_settled(&self) -> bool {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        self.modified.0 + MOMENT < now && self.changed.0 + MOMENT < now
    }

    fn line(&self) -> String {
        let Self { path, device, inode, bytes, modified, changed } = self;
        format!(
            "{path:?} {device} {inode} {bytes} {}.{:09} {}.{:09}",
            modified.0, modified.1, changed.0, changed.1
        )
    }
}

impl<'a> Kept<'a> {
    /// Those in `folder`, which is made when something is first kept.
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder }
    }

    /// The digest of a file's content, if it is known.
    pub(super) fn get(&self, file: &Identity) -> Option<u128> {
        let own = OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner).get(file).copied();
        own.or_else(|| read(&std::fs::read_to_string(self.place(file)?).ok()?, file))
    }

    /// Keeps a digest.
    pub(super) fn put(&self, file: &Identity, digest: u128) -> Result<(), StoreError> {
        OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone(), digest);
        let Some(place) = self.place(file) else { return Ok(()) };
        let mut out = AtomicFile::create(&place)?;
        out.write_all(text(file, digest).as_bytes()).map_err(StoreError::io("write", &place))?;
        out.publish(place.parent().unwrap_or(Path::new(""))).map(drop)
    }

    fn place(&self, file: &Identity) -> Option<PathBuf> {
        let name = xxh3_128(file.path.as_os_str().as_bytes());
        self.folder.map(|folder| folder.join(format!("{name:032x}")))
    }
}

fn text(file: &Identity, digest: u128) -> String {
    let said = format!("{}\n{digest:032x}\n", file.line());
    format!("{said}{:016x}\n", xxh3_64(said.as_bytes()))
}

/// The digest in a kept file, if the file is whole and about `file`.
fn read(kept: &str, file: &Identity) -> Option<u128> {
    let digest = u128::from_str_radix(kept.lines().nth(1)?, 16).ok()?;
    (kept == text(file, digest)).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(inode: u64) -> Identity {
        let path = PathBuf::from("/m\nodel/unet/w");
        Identity { path, device: 1, inode, bytes: 7, modified: (9, 1), changed: (9, 2) }
    }

    #[test]
    fn a_kept_digest_counts_for_the_very_same_state_of_a_file_and_only_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("made/when/needed");
        let kept = Kept::new(Some(&folder));
        let file = identity(7001);
        kept.put(&file, 42).unwrap();
        let place = kept.place(&file).unwrap();
        // From the folder, as another process would.
        let from_disk = |file: &Identity| read(&std::fs::read_to_string(&place).ok()?, file);
        assert_eq!(from_disk(&file), Some(42));
        let others = [
            Identity { inode: 7002, ..file.clone() },
            Identity { bytes: 8, ..file.clone() },
            Identity { modified: (9, 2), ..file.clone() },
            Identity { changed: (10, 2), ..file.clone() },
            Identity { device: 2, ..file.clone() },
        ];
        assert!(others.iter().all(|other| from_disk(other).is_none()));
        let whole = std::fs::read(&place).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&place, &damaged).unwrap();
            assert_eq!(from_disk(&file), None, "{at}");
            std::fs::write(&place, &whole[..at]).unwrap();
            assert_eq!(from_disk(&file), None, "{at}");
        }
    }

    #[test]
    fn without_a_folder_or_where_it_cannot_be_made_this_process_still_knows() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let folder = dir.path().join("file/below");
        let kept = Kept::new(Some(&folder));
        assert!(kept.put(&identity(7003), 43).is_err());
        assert_eq!(kept.get(&identity(7003)), Some(43));
        Kept::new(None).put(&identity(7004), 44).unwrap();
        assert_eq!(Kept::new(None).get(&identity(7004)), Some(44));
        assert_eq!(Kept::new(None).get(&identity(7005)), None);
    }

    #[test]
    fn a_file_of_this_moment_or_of_the_future_is_not_settled() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let at = |modified, changed| {
            Identity { modified: (modified, 0), changed: (changed, 0), ..identity(1) }.is_settled()
        };
        assert!(at(now - 60, now - 60));
        assert!(!at(now - 60, now) && !at(now, now - 60) && !at(now - 60, now + 3600));
    }
}
