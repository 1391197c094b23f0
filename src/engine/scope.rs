//! The scope of a unit: its run directory, cancellation, progress and files.

use super::cancel::{Cancel, Cancelled};
use super::progress::StageProgress;
use crate::store::{AtomicFile, RunDir, StoreError, Written};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The run directory, cancellation and progress of one unit. Files made through a scope, or through its clone on another
/// thread, are added to the receipt. Blocking work belongs on other threads, as all units of a stage share one task.
#[derive(Debug, Clone)]
pub struct Scope {
    run_dir: RunDir,
    cancel: Cancel,
    progress: StageProgress,
    outputs: Arc<Mutex<Vec<Written>>>,
}

impl Scope {
    /// A scope for one unit.
    pub fn new(run_dir: RunDir, cancel: Cancel, progress: StageProgress) -> Self {
        Self { run_dir, cancel, progress, outputs: Arc::default() }
    }

    /// The run directory.
    pub fn run_dir(&self) -> &RunDir {
        &self.run_dir
    }

    /// A path in the run directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.run_dir.path(name)
    }

    /// The cancellation of the unit, for blocking work: set when the unit is dropped, not when the run is asked to stop, as
    /// units under way may still finish.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// `Err` when the unit is dropped; called between steps of long work.
    ///
    /// # Errors
    /// [`Cancelled`] when the unit is dropped.
    pub fn check(&self) -> Result<(), Cancelled> {
        self.cancel.check()
    }

    /// Adds `samples` done samples to the progress.
    pub fn tick(&self, samples: u64) {
        self.progress.tick(samples);
    }

    /// Starts a file of this unit; end with [`Scope::publish`].
    ///
    /// # Errors
    /// If the file can't be created.
    pub fn create(&self, name: &str) -> Result<AtomicFile, StoreError> {
        AtomicFile::create(&self.path(name))
    }

    /// Gives a file of [`Scope::create`] its final name and records it.
    ///
    /// # Errors
    /// If the file can't be made durable.
    pub fn publish(&self, file: AtomicFile) -> Result<(), StoreError> {
        self.record(file.publish(self.run_dir.root())?);
        Ok(())
    }

    /// Writes a small file whole and records the file.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let mut file = self.create(name)?;
        file.write_all(content).map_err(StoreError::io("write", &self.path(name)))?;
        self.publish(file)
    }

    /// Records a file that was published already.
    pub fn record(&self, written: Written) {
        self.lock().push(written);
    }

    /// All files of the unit, by name.
    pub(super) fn outputs(&self) -> Vec<Written> {
        let mut outputs = self.lock().clone();
        outputs.sort_by(|a, b| a.file.cmp(&b.file));
        outputs
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Written>> {
        // A push can't leave the list half changed, so a poisoned lock is as good as a whole one.
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
