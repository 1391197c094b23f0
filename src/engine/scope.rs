//! What a unit has of the world while it is worked on.

use super::cancel::{Cancel, Cancelled};
use super::progress::StageProgress;
use crate::store::{AtomicFile, RunDir, StoreError, Written};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The run directory, the way to stop, and the progress, for one unit. Files made through it land in the receipt, also
/// those made through a clone on another thread: what waits for a disk or a server belongs on one that may block, as all
/// units of a stage share one task.
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

    /// What blocking work looks at to stop early: set when the unit is given up, not when the run is asked to stop. What is
    /// under way then is finished, as long as that does not take too long.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// `Err` when the unit is given up: call it between steps of long work.
    ///
    /// # Errors
    /// [`Cancelled`] then.
    pub fn check(&self) -> Result<(), Cancelled> {
        self.cancel.check()
    }

    /// Tells the user that `samples` more are done.
    pub fn tick(&self, samples: u64) {
        self.progress.tick(samples);
    }

    /// Starts a file of this unit; end with [`Scope::publish`].
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(&self, name: &str) -> Result<AtomicFile, StoreError> {
        AtomicFile::create(&self.path(name))
    }

    /// Gives a file of [`Scope::create`] its final name and records it.
    ///
    /// # Errors
    /// If it can't be made durable.
    pub fn publish(&self, file: AtomicFile) -> Result<(), StoreError> {
        self.record(file.publish(self.run_dir.root())?);
        Ok(())
    }

    /// Writes a small file whole and records it; it is sent with the unit's others.
    ///
    /// # Errors
    /// If it can't be written.
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
