//! A run directory that is a folder: of one machine, or of a file system that all workers see.

use super::atomic::{AtomicFile, Written, remove, sync_folder};
use super::backend::{Backend, Depth, FreshCopy, HeartbeatTimes};
use super::error::StoreError;
use super::nfs::refresh_folder;
use super::ranged::Ranged;
use super::temporary::temporary;
use rayon::prelude::*;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A folder. Whatever is written below it is published.
#[derive(Debug)]
pub(super) struct LocalDir {
    root: PathBuf,
}

impl LocalDir {
    /// The folder at `root`; nothing is touched.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn list_into(
        &self,
        folder: &str,
        depth: Depth,
        names: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let path = self.path(folder);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(StoreError::io("list", &path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", &path))?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if !kind.is_dir() => names.push(name),
                Ok(_) if depth == Depth::Tree => self.list_into(&name, depth, names)?,
                // Another worker's file that was removed meanwhile.
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("examine", &entry.path())(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Backend for LocalDir {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn with_scratch(&self, _: &Path) -> Option<Arc<dyn Backend>> {
        None
    }

    fn best_effort(&self) -> Option<Arc<dyn Backend>> {
        None
    }

    fn downloaded_bytes(&self) -> u64 {
        0
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    fn read_many(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        names.par_iter().map(|name| self.read(name)).collect()
    }

    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let path = self.path(name);
        match std::fs::metadata(&path) {
            Ok(about) => Ok(about.is_file().then_some(about.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(StoreError::io("examine", &path)(error)),
        }
    }

    fn list(&self, folder: &str, depth: Depth) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        self.list_into(folder, depth, &mut names)?;
        names.sort();
        Ok(names)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let path = self.path(name);
        let temporary = write_temporary(&path, content)?;
        std::fs::rename(&temporary, &path).map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            StoreError::io("rename to", &path)(error)
        })
    }

    fn write_durably(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let path = self.path(name);
        let mut file = AtomicFile::create(&path)?;
        file.write_all(content).map_err(StoreError::io("write", &path))?;
        file.publish(&self.root).map(drop)
    }

    fn create(&self, name: &str, content: &[u8]) -> Result<bool, StoreError> {
        let path = self.path(name);
        if path.exists() {
            return Ok(false);
        }
        let temporary = write_temporary(&path, content)?;
        // A link, unlike a rename, fails where the name is taken; and the file is whole from the first moment.
        let linked = match std::fs::hard_link(&temporary, &path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links.
            Err(_) => create_unlinked(&path, content),
        };
        let _ = std::fs::remove_file(&temporary);
        linked.map_err(StoreError::io("create", &path))
    }

    fn release(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        remove(&self.path(name))
    }

    fn remove_durably(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(());
        }
        remove(&path)?;
        sync_folder(&path)
    }

    fn heartbeat(&self) -> HeartbeatTimes {
        HeartbeatTimes { interval: Duration::from_secs(8), timeout: Duration::from_secs(60) }
    }

    fn confirm_takeover(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn refresh(&self, folder: &str) -> Result<(), StoreError> {
        let path = self.path(folder);
        if path.is_dir() { refresh_folder(&path) } else { Ok(()) }
    }

    fn expect(&self, _: &[Written]) {}

    fn survey(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn has(&self, output: &Written) -> Result<bool, StoreError> {
        Ok(self.length(&output.file)? == Some(output.bytes))
    }

    fn publish(&self, _: &[Written]) -> Result<(), StoreError> {
        Ok(())
    }

    fn publish_file(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn publish_interval(&self) -> Option<Duration> {
        None
    }

    fn local(&self, name: &str) -> Result<PathBuf, StoreError> {
        Ok(self.path(name))
    }

    fn make_local(&self, _: &[&str]) -> Result<(), StoreError> {
        Ok(())
    }

    fn downloadable(&self, _: &str) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn open_ranged(&self, name: &str) -> Result<Ranged, StoreError> {
        Ranged::local(&self.path(name))
    }

    fn fresh_copy(&self, name: &str) -> Result<FreshCopy, StoreError> {
        Ok(FreshCopy { path: self.path(name), is_temporary: false })
    }
}

/// Whether there is no file of that name, or can be none.
fn is_absent(error: &std::io::Error) -> bool {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput)
}

fn write_temporary(path: &Path, content: &[u8]) -> Result<PathBuf, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    }
    let temporary = temporary(path);
    match std::fs::write(&temporary, content) {
        Ok(()) => Ok(temporary),
        Err(error) => {
            // A full disk lets the file be made and not written: one a heartbeat would stay.
            let _ = std::fs::remove_file(&temporary);
            Err(StoreError::io("write", &temporary)(error))
        }
    }
}

fn create_unlinked(path: &Path, content: &[u8]) -> std::io::Result<bool> {
    match std::fs::File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let written = file.write_all(content).map(|()| true);
            // The file would stay as nobody's.
            written.inspect_err(|_| drop(std::fs::remove_file(path)))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
