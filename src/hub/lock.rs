//! The lock of a file that is being fetched: `flock`, as Python's `filelock` takes it, so that both wait for each other.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

/// Held until it is dropped. Nothing that is kept depends on it: it saves fetching a file twice.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock at `path` when it is free; says so if that takes long.
    ///
    /// # Errors
    /// If the lock's file can't be made.
    pub(super) async fn take(path: &Path, whose: &str) -> io::Result<Self> {
        let (started, mut said) = (Instant::now(), false);
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !said && started.elapsed() >= PATIENCE {
                crate::say!("waiting for another process that fetches {whose} too");
                said = true;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o664);
        let file = options.open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Whoever held it may have removed it, and another made it anew.
            Ok(()) => Ok(is_at(&file, path)?.then_some(Self { _file: Some(file) })),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
            // A file system without locks.
            Err(_) => Ok(Some(Self { _file: None })),
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (held, there) = (file.metadata()?, std::fs::metadata(path));
    Ok(there.is_ok_and(|there| (held.dev(), held.ino()) == (there.dev(), there.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_and_the_next_gets_it_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let first = Lock::try_take(&path).unwrap().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(first);
        let second = Lock::try_take(&path).unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        // The removed one is no lock any more.
        assert!(Lock::try_take(&path).unwrap().is_some());
        drop(second);
    }
}
