//! The lock of a run directory: one process alone, or one of several workers.

use super::exit::{Exit, TryLater, UsageError};
use super::partition::partition;
use crate::engine::{Partition, WorkerRole};
use crate::inspect::run_folders;
use crate::store::{FolderLock, RunDir, StoreError, WorkerSession, WorkerState};
use clap::Args;
use std::sync::Arc;
use std::time::Duration;

/// The flags of a worker.
#[derive(Debug, Default, Args)]
pub(crate) struct WorkerArgs {
    /// Run as worker I of N (from 0) in one run directory: first the worker's own share, then units of other shares. `auto`
    /// reads I and N from Slurm, Kubernetes, torchrun or MPI
    #[arg(long, value_name = "I/N|auto")]
    partition: Option<String>,
    /// With --partition: process only the worker's own share
    #[arg(long, requires = "partition")]
    no_help: bool,
    /// With --partition: seconds to wait at a stage's end for other workers' units, before exit code 75 [default: as long as
    /// the other workers are alive]
    #[arg(long, value_name = "SECONDS", requires = "partition")]
    wait: Option<u64>,
}

/// What a process holds of its run directory.
pub(crate) enum RunDirLock {
    /// Nothing: the process only reads.
    Nowhere,
    /// The whole directory: the lock of the folder, and in an object store the session of the only worker.
    Alone(#[allow(dead_code, reason = "held, not read")] FolderLock, Option<WorkerSession>),
    /// One worker among several, and the lock of its scratch folder.
    Among(WorkerRole, #[allow(dead_code, reason = "held, not read")] Option<FolderLock>),
}

impl WorkerArgs {
    /// Refuses flags that remove results while other workers may read them.
    ///
    /// # Errors
    /// If a flag of `flags` is set beside `--partition`.
    pub(crate) fn refuse_with(&self, flags: &[(&str, bool)]) -> Result<(), UsageError> {
        match flags.iter().find(|(_, set)| self.partition.is_some() && *set) {
            None => Ok(()),
            Some((flag, _)) => Err(UsageError(format!(
                "{flag} removes results that other workers may be reading: give {flag} to a run without --partition"
            ))),
        }
    }

    /// The partition of `--partition`, if given.
    ///
    /// # Errors
    /// If the value is no partition, or `auto` finds no scheduler.
    pub(crate) fn partition(&self) -> anyhow::Result<Option<Partition>> {
        self.partition.as_deref().map(partition).transpose()
    }

    /// Takes the run directory.
    ///
    /// # Errors
    /// If another run or worker holds it.
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
    /// The worker's role, where several processes may share the run directory.
    pub(crate) fn role(&self) -> Option<&WorkerRole> {
        match self {
            Self::Among(worker, _) => Some(worker),
            _ => None,
        }
    }

    /// The name of the worker, `I-of-N`.
    pub(crate) fn worker(&self) -> Option<&str> {
        self.role().map(|worker| worker.member.worker())
    }

    /// Whether this process writes the report: of several workers, only the first does.
    pub(crate) fn writes_report(&self) -> bool {
        self.role().is_none_or(|worker| worker.partition.index == 0)
    }

    /// Removes temporary files of killed processes, but none of live workers.
    ///
    /// # Errors
    /// If temporary files can't be listed or removed.
    pub(crate) fn sweep(&self, run_dir: &RunDir) -> Result<(), StoreError> {
        match self {
            Self::Among(..) => run_dir.sweep_beside_workers(&run_folders()),
            _ => run_dir.sweep(&run_folders()),
        }
    }

    /// Whether this worker has finished no unit at all; false where that is unknown.
    pub(crate) fn without_a_unit(&self, run_dir: &RunDir) -> bool {
        let Some(worker) = self.role() else { return false };
        // The record in the folder may be one heartbeat old.
        if worker.member.leave(WorkerState::Interrupted, "").is_err() {
            return false;
        }
        let notes = run_dir.workers().unwrap_or_default();
        notes.iter().any(|note| note.worker == worker.member.worker() && note.units == 0)
    }

    /// Records how this process ends, for the other workers.
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
        // The record is for people; waiting workers see the end by the missing heartbeat.
        let _ = member.leave(state, &message);
    }
}
