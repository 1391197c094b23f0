//! Files of a run directory as local files, downloaded where they are kept elsewhere.

use super::error::StoreError;
use super::ranged::Ranged;
use super::run_dir::{RECEIPT, RunDir};
use super::workers::CLAIM;
use std::path::PathBuf;

impl RunDir {
    /// A file of the run directory as a local one: downloaded from the object store, if it is not local as its receipt
    /// says.
    ///
    /// # Errors
    /// If the file can't be downloaded, or is not what its receipt says.
    pub fn local(&self, name: &str) -> Result<PathBuf, StoreError> {
        self.backend().local(name)
    }

    /// As [`RunDir::local`], of many files, several at once.
    ///
    /// # Errors
    /// As [`RunDir::local`].
    pub fn local_all<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let names: Vec<&str> = names.collect();
        self.backend().make_local(&names)?;
        Ok(names.into_iter().map(|name| self.path(name)).collect())
    }

    /// As [`RunDir::local`], of a file that may not be there.
    ///
    /// # Errors
    /// If that can't be found out, or the file not be downloaded.
    pub fn local_if_any(&self, name: &str) -> Result<Option<PathBuf>, StoreError> {
        match self.backend().length(name)? {
            Some(_) => self.local(name).map(Some),
            None => Ok(None),
        }
    }

    /// Opens a file of the run directory to read ranges of it. One that is not local as its receipt says is not downloaded
    /// as a whole: its ranges are asked for when they are read.
    ///
    /// # Errors
    /// If there is no such file, or the object store does not say so.
    pub fn open_ranged(&self, name: &str) -> Result<Ranged, StoreError> {
        self.backend().open_ranged(name)
    }

    /// Makes every file of `folders`, and the run's own records, local, for what looks back at a whole run.
    ///
    /// # Errors
    /// As [`RunDir::local`].
    pub fn make_all_local(&self, folders: &[&str]) -> Result<(), StoreError> {
        let mut names = Vec::new();
        for folder in folders {
            let found = self.backend().downloadable(folder)?;
            if !found.is_empty() {
                // What files should be is learnt from receipts.
                drop(self.receipts(folder)?);
            }
            names.extend(found);
        }
        names.retain(|name| ![RECEIPT, CLAIM].iter().any(|ending| name.ends_with(ending)));
        for name in ["run.json", "pipeline.toml", "quarantine.parquet"] {
            if self.backend().length(name)?.is_some() {
                names.push(name.to_owned());
            }
        }
        self.local_all(names.iter().map(String::as_str)).map(drop)
    }

    /// Makes a file visible to other workers that a stage wrote beside its units, such as the list of what was left out.
    ///
    /// # Errors
    /// If the file can't be uploaded.
    pub fn publish_file(&self, name: &str) -> Result<(), StoreError> {
        self.backend().publish_file(name)
    }
}
