//! Files that are whole or absent: temporary name in the same folder, fsync, rename, fsync of the folder.

use super::disk::{CrashPoint, DiskFile, FileSystem, disk};
use super::error::StoreError;
use super::temporary::temporary;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// A file as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Path below the run directory, with `/`.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// XXH3-64 of the content, 16 hexadecimal digits.
    pub xxh3: String,
}

/// A file being written. Dropped without [`AtomicFile::publish`], it leaves nothing behind.
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    out: Option<BufWriter<DiskFile>>,
    hash: Xxh3,
    bytes: u64,
    published: bool,
}

impl AtomicFile {
    /// Starts the file that will be `path`; its folder is made if need be.
    ///
    /// # Errors
    /// If the folder or the temporary file can't be made.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
        }
        let temporary = temporary(path);
        let file = disk().create(&temporary).map_err(StoreError::io("create", &temporary))?;
        let file = DiskFile { file, path: temporary.clone() };
        let out = Some(BufWriter::with_capacity(1 << 17, file));
        disk().reach(CrashPoint::Created, path);
        Ok(Self {
            path: path.to_owned(),
            temporary,
            out,
            hash: Xxh3::new(),
            bytes: 0,
            published: false,
        })
    }

    /// Makes the file durable and gives it its name. `root` is what the recorded path is relative to.
    ///
    /// # Errors
    /// If a write, fsync or rename fails; the final name is then untouched.
    pub fn publish(mut self, root: &Path) -> Result<Written, StoreError> {
        let Some(out) = self.out.take() else {
            let gone = std::io::Error::other("the file was published before");
            return Err(StoreError::io("write", &self.path)(gone));
        };
        let file = out.into_inner().map_err(|e| e.into_error());
        let file = file.map_err(StoreError::io("write", &self.temporary))?;
        disk().reach(CrashPoint::Written, &self.path);
        sync(&file.file, &self.temporary, &self.path)?;
        drop(file);
        rename(&self.temporary, &self.path)?;
        self.published = true;
        sync_folder(&self.path)?;
        disk().reach(CrashPoint::Published, &self.path);
        Ok(Written {
            file: relative(&self.path, root),
            bytes: self.bytes,
            xxh3: format!("{:016x}", self.hash.digest()),
        })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let Some(out) = &mut self.out else {
            return Err(std::io::Error::other("the file was published before"));
        };
        let taken = out.write(buffer)?;
        self.hash.update(&buffer[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.published {
            drop(self.out.take());
            // Best effort: a leftover is also swept when the next run starts.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Publishes a file that a library wrote at `from`, a temporary place on the same file system, as `path`.
///
/// # Errors
/// If it can't be read, synced or renamed.
pub fn adopt(from: &Path, path: &Path, root: &Path) -> Result<Written, StoreError> {
    let (bytes, xxh3) = file_digest(from)?;
    let file = File::open(from).map_err(StoreError::io("open", from))?;
    sync(&file, from, path)?;
    rename(from, path)?;
    sync_folder(path)?;
    disk().reach(CrashPoint::Published, path);
    Ok(Written { file: relative(path, root), bytes, xxh3 })
}

/// Length and XXH3-64 (hexadecimal) of a file.
///
/// # Errors
/// If it can't be read.
pub fn file_digest(path: &Path) -> Result<(u64, String), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let taken = file.read(&mut buffer).map_err(StoreError::io("read", path))?;
        if taken == 0 {
            return Ok((bytes, format!("{:016x}", hash.digest())));
        }
        hash.update(&buffer[..taken]);
        bytes += taken as u64;
    }
}

/// Makes a rename in the folder of `path` survive a power cut.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match disk().sync_folder(folder) {
        Err(error) if !is_not_implemented(&error) => {
            Err(StoreError::io("fsync the folder", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Whether a file system says that it has no fsync of folders, as shared folders of virtual machines, CIFS and some FUSE
/// ones do: there is nothing to wait for then. That a disk fails is another matter.
fn is_not_implemented(error: &std::io::Error) -> bool {
    let none =
        [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS, Errno::BADF, Errno::ISDIR];
    none.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Makes what is at `temporary`, and will be `path`, durable.
fn sync(file: &File, temporary: &Path, path: &Path) -> Result<(), StoreError> {
    disk().sync(file, temporary).map_err(StoreError::io("fsync", temporary))?;
    disk().reach(CrashPoint::Synced, path);
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    disk().rename(from, to).map_err(StoreError::io("rename to", to))?;
    disk().reach(CrashPoint::Renamed, to);
    Ok(())
}

/// Removes a file; one that is not there is as good.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    disk().reach(CrashPoint::Removing, path);
    match disk().remove(path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("remove", path)(e)),
    }
    disk().reach(CrashPoint::Removed, path);
    Ok(())
}

fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_has_no_fsync_goes_without() {
        let passes = |errno: Errno| is_not_implemented(&errno.into());
        assert!(passes(Errno::INVAL) && passes(Errno::NOSYS) && passes(Errno::NOTSUP));
        assert!(!passes(Errno::IO) && !passes(Errno::NOSPC) && !passes(Errno::STALE));
    }

    #[test]
    fn a_file_is_whole_or_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.bin");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"hello").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 0);

        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"hello").unwrap();
        let written = file.publish(dir.path()).unwrap();
        assert_eq!((written.file.as_str(), written.bytes), ("a/b.bin", 5));
        assert_eq!(file_digest(&path).unwrap(), (5, written.xxh3));
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }
}
