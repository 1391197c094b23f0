//! The operations by which files of a run directory come and go, behind a trait: tests put a failing one in its place.
//!
//! A release build has the real one only, called directly. A build with debug assertions reads the environment
//! variable `CODA_PIPE_FAULTS` (see `faults.rs`), so that tests can break the disk under the real program.

#[cfg(debug_assertions)]
mod faults;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is done to files.
pub(super) trait FileSystem {
    /// Makes or empties a file.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes some of `buffer`, as [`Write::write`] does.
    fn write(&self, file: &mut File, path: &Path, buffer: &[u8]) -> io::Result<usize>;
    /// Makes a file's content durable.
    fn sync(&self, file: &File, path: &Path) -> io::Result<()>;
    /// Gives a file its final name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Called at each place where a death must do no harm.
    fn reach(&self, _point: CrashPoint, _path: &Path) {}
}

/// Places between two steps of a file's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// The temporary file is there, empty.
    Created,
    /// All is written, not yet durable.
    Written,
    /// It is durable under its temporary name.
    Synced,
    /// It has its final name, which a power cut may undo.
    Renamed,
    /// Its name is durable.
    Published,
    /// A file is about to be removed.
    Removing,
    /// It is removed, which a power cut may undo.
    Removed,
}

impl CrashPoint {
    /// All of them, for tests that go through each.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Written,
        Self::Synced,
        Self::Renamed,
        Self::Published,
        Self::Removing,
        Self::Removed,
    ];

    /// Its name in a fault rule.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Written => "written",
            Self::Synced => "synced",
            Self::Renamed => "renamed",
            Self::Published => "published",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Disk;

impl FileSystem for Disk {
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    fn write(&self, file: &mut File, _path: &Path, buffer: &[u8]) -> io::Result<usize> {
        file.write(buffer)
    }

    fn sync(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder).and_then(|f| f.sync_all())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// The file system in force.
#[cfg(not(debug_assertions))]
pub(super) fn disk() -> &'static impl FileSystem {
    &Disk
}

/// The file system in force: the real one, with the faults that the environment asks for.
#[cfg(debug_assertions)]
pub(super) fn disk() -> &'static impl FileSystem {
    use faults::Faulty;
    static DISK: std::sync::OnceLock<Faulty<Disk>> = std::sync::OnceLock::new();
    DISK.get_or_init(|| Faulty::from_environment(Disk))
}

/// A file that is written through [`disk`].
#[derive(Debug)]
pub(super) struct DiskFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Write for DiskFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        disk().write(&mut self.file, &self.path, buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
