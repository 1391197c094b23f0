//! The temporary folder of probe files.

use crate::pipeline::error::StageError;
use crate::store::StoreError;
use std::path::{Path, PathBuf};

/// A folder for probe files, removed when dropped.
pub(crate) struct ProbeFolder(PathBuf);

impl ProbeFolder {
    /// In `place`, or where that can't be written, among the system's temporary files.
    pub(crate) fn new(place: &Path) -> Result<Self, StageError> {
        let name = format!(".coda-pipe-plan-{}", std::process::id());
        let own = place.join(&name);
        if std::fs::create_dir_all(&own).is_ok() {
            return Ok(Self(own));
        }
        let other = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&other).map_err(StoreError::io("create the folder", &other))?;
        Ok(Self(other))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ProbeFolder {
    fn drop(&mut self) {
        // Best effort: it holds nothing that anyone needs. Interrupted work may still be writing: hence more than once.
        let _ = (0..5).find(|_| std::fs::remove_dir_all(&self.0).is_ok());
    }
}
