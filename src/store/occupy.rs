//! Taking a run directory: for one process alone, or as one of several workers.
//!
//! The lock is of the folder in which files lie on this machine. That is the run directory itself, or the scratch folder
//! of one in an object store, which has no lock of its own: there, workers keep others out by their records.

use super::error::StoreError;
use super::lock::FolderLock;
use super::run_dir::RunDir;
use super::workers::{ALONE, WorkerSession};

impl RunDir {
    /// Locks the run directory for a command that must be alone in it. One in an object store stays open to others: what
    /// such commands write there comes out the same whoever writes it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::Busy`] while a run works there.
    pub fn lock_alone(&self, say: impl Fn(&str)) -> Result<FolderLock, StoreError> {
        let lock = FolderLock::take(self.root(), &say)?;
        if !self.is_remote() {
            WorkerSession::refuse_any(self, &say)?;
        }
        Ok(lock)
    }

    /// Takes the run directory for a run without other workers. In an object store, the run is the only worker.
    ///
    /// # Errors
    /// As [`RunDir::lock_alone`].
    pub fn join_alone(
        &self,
        say: impl Fn(&str),
    ) -> Result<(FolderLock, Option<WorkerSession>), StoreError> {
        let lock = self.lock_alone(&say)?;
        let session = self.is_remote().then(|| WorkerSession::join(self, ALONE, true, &say));
        Ok((lock, session.transpose()?))
    }

    /// Joins the workers of the run directory as `worker` (`I-of-N`), with the lock of a scratch folder where there is one.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::Busy`] while another process is that worker, or must be alone.
    pub fn join_worker(
        &self,
        worker: &str,
        say: impl Fn(&str),
    ) -> Result<(Option<FolderLock>, WorkerSession), StoreError> {
        if self.is_remote() {
            let scratch = FolderLock::take(self.root(), &say)?;
            return Ok((Some(scratch), WorkerSession::join(self, worker, false, &say)?));
        }
        let session = WorkerSession::join(self, worker, false, &say)?;
        // The worker's record comes first: whoever wants the run directory alone and comes now sees it.
        FolderLock::refuse_held(self.root(), &say)?;
        Ok((None, session))
    }

    /// Removes what killed processes left half written in `folders`, and nothing of other workers that live.
    ///
    /// # Errors
    /// If a folder can't be listed or a file not removed.
    pub fn sweep_beside_workers(&self, folders: &[&str]) -> Result<(), StoreError> {
        match self.is_remote() {
            // The scratch folder is this worker's alone.
            true => self.sweep(folders),
            false => self.sweep_after_the_dead(folders),
        }
    }
}
