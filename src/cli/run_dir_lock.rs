//! A run's place in its run directory: alone, or one of several workers.

use super::exit::{Exit, TryLater, UsageError};
use super::folders::folders;
use super::partition::partition;
use crate::engine::{Partition, WorkerRole};
use crate::store::{FolderLock, RunDir, StoreError, WorkerSession, WorkerState};
use clap::Args;
use std::sync::Arc;
use std::time::Duration;

/// Working together with other processes.
#[derive(Debug, Default, Args)]
pub(crate) struct WorkerArgs {
    /// Work together with others in one run directory, as the I-th of N (from 0): its share first, then with the others'.
    /// `auto` reads it from Slurm, Kubernetes, torchrun or MPI
    #[arg(long, value_name = "I/N|auto")]
    partition: Option<String>,
    /// With --partition: do the own share only
    #[arg(long, requires = "partition")]
    no_help: bool,
    /// With --partition: seconds to wait at a stage's end for units of others, before exit code 75; as long as they live
    /// unless given
    #[arg(long, value_name = "SECONDS", requires = "partition")]
    wait: Option<u64>,
}

/// What a run holds of its run directory.
pub(crate) enum RunDirLock {
    /// Nothing: it only looks.
    Nowhere,
    /// All of it: the lock of the folder, and of an object store the place of the only worker.
    Alone(#[allow(dead_code, reason = "held, not read")] FolderLock, Option<WorkerSession>),
    /// A place among others, and the lock of the scratch folder.
    Among(WorkerRole, #[allow(dead_code, reason = "held, not read")] Option<FolderLock>),
}

impl WorkerArgs {
    /// Refuses what must not happen while others work.
    ///
    /// # Errors
    /// If a flag of `flags` is set beside `--partition`.
    pub(crate) fn refuse_with(&self, flags: &[(&str, bool)]) -> Result<(), UsageError> {
        match flags.iter().find(|(_, set)| self.partition.is_some() && *set) {
            None => Ok(()),
            Some((flag, _)) => Err(UsageError(format!(
                "{flag} removes results, which other workers may be reading: give it to a run without --partition"
            ))),
        }
    }

    /// The partition that is said.
    ///
    /// # Errors
    /// If it is none, or no scheduler says which it is.
    pub(crate) fn partition(&self) -> anyhow::Result<Option<Partition>> {
        self.partition.as_deref().map(partition).transpose()
    }

    /// Takes the run's place.
    ///
    /// # Errors
    /// If others have it.
    pub(crate) fn take(
        &self,
        run_dir: &RunDir,
        partition: Option<Partition>,
        say: impl Fn(&str),
    ) -> anyhow::Result<RunDirLock> {
        run_dir.create()?;
        let Some(partition) = partition else {
            let (lock, member) = run_dir.join_alone(&say)?;
            return Ok(RunDirLock::Alone(lock, member));
        };
        let worker = format!("{}-of-{}", partition.index, partition.of);
        let joined = run_dir.join_worker(&worker, &say).map_err(TryLater::where_locked)?;
        let (scratch, member) = (joined.0, Arc::new(joined.1));
        say(&format!("worker {partition} in {run_dir}"));
        let wait = self.wait.map(Duration::from_secs);
        Ok(RunDirLock::Among(WorkerRole { member, partition, help: !self.no_help, wait }, scratch))
    }
}

impl RunDirLock {
    /// The others, if there may be any.
    pub(crate) fn role(&self) -> Option<&WorkerRole> {
        match self {
            Self::Among(worker, _) => Some(worker),
            _ => None,
        }
    }

    /// `I-of-N` in a worker.
    pub(crate) fn worker(&self) -> Option<&str> {
        self.role().map(|worker| worker.member.worker())
    }

    /// Whether the report is this process's to write: of a worker, one does.
    pub(crate) fn writes_report(&self) -> bool {
        self.role().is_none_or(|worker| worker.partition.index == 0)
    }

    /// Removes what killed processes left half written, but nothing of those that live.
    ///
    /// # Errors
    /// If it can't be listed or removed.
    pub(crate) fn sweep(&self, run_dir: &RunDir) -> Result<(), StoreError> {
        match self {
            Self::Among(..) => run_dir.sweep_beside_workers(&folders()),
            _ => run_dir.sweep(&folders()),
        }
    }

    /// Whether this process, one of several, has finished no unit at all; false where that can't be told.
    pub(crate) fn without_a_unit(&self, run_dir: &RunDir) -> bool {
        let Some(worker) = self.role() else { return false };
        // What the folder has of it may be a beat old.
        if worker.member.leave(WorkerState::Interrupted, "").is_err() {
            return false;
        }
        let notes = run_dir.workers().unwrap_or_default();
        notes.iter().any(|note| note.worker == worker.member.worker() && note.units == 0)
    }

    /// Tells the others how this process ends.
    pub(crate) fn leave(&self, result: &anyhow::Result<Exit>) {
        let member = match self {
            Self::Among(worker, _) => worker.member.as_ref(),
            Self::Alone(_, Some(member)) => member,
            _ => return,
        };
        let (state, message) = match result {
            Ok(_) => (WorkerState::Finished, String::new()),
            Err(error) => match super::exit::code_of(error) {
                Exit::Interrupted => (WorkerState::Interrupted, String::new()),
                Exit::Incomplete => (WorkerState::Incomplete, format!("{error:#}")),
                _ => (WorkerState::Failed, format!("{error:#}")),
            },
        };
        // For people; those who wait see by its silence that it has gone.
        let _ = member.leave(state, &message);
    }
}
