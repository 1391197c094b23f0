//! A temporary file for rows that are written in one order and read in another.

use super::error::StoreError;
use super::temporary::temporary;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file without a name of its own in the run; dropped, it is gone.
pub struct Spill {
    path: PathBuf,
    file: File,
}

impl Spill {
    /// Makes the file beside `path`, which names it in messages. The folder is made if need be.
    ///
    /// # Errors
    /// If the folder or the file can't be made.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
        }
        let path = temporary(path);
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
        let file = file.map_err(StoreError::io("create", &path))?;
        Ok(Self { path, file })
    }

    /// Writes `bytes` behind what was written this way before.
    ///
    /// # Errors
    /// If the disk refuses them.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(StoreError::io("write", &self.path))
    }

    /// Writes `bytes` at `start`.
    ///
    /// # Errors
    /// If the disk refuses them.
    pub fn write_at(&self, start: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all_at(bytes, start).map_err(StoreError::io("write", &self.path))
    }

    /// Fills `bytes` from `start` on.
    ///
    /// # Errors
    /// If so many were not written there.
    pub fn read_at(&self, start: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.file.read_exact_at(bytes, start).map_err(StoreError::io("read", &self.path))
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // Best effort: a leftover is swept when the next run starts.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_from_any_place_and_the_file_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(&dir.path().join("made/rows")).unwrap();
        spill.append(b"abcd").unwrap();
        spill.append(b"ef").unwrap();
        spill.write_at(2, b"XY").unwrap();
        let mut found = [0; 4];
        spill.read_at(1, &mut found).unwrap();
        assert_eq!(&found, b"bXYe");
        assert!(spill.read_at(4, &mut found).is_err(), "beyond the end");
        drop(spill);
        assert_eq!(std::fs::read_dir(dir.path().join("made")).unwrap().count(), 0);
    }
}
