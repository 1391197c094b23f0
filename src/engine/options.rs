//! What all stages of a run share.

use super::cancel::Cancel;
use super::progress::Progress;
use super::scheduler::WorkerRole;
use crate::store::{EventLog, RunDir};

/// What all stages of a run share.
#[derive(Debug, Clone)]
pub struct RunOptions<'a> {
    /// The run directory.
    pub run_dir: &'a RunDir,
    /// The run's log.
    pub events: &'a EventLog,
    /// Where progress is shown.
    pub progress: &'a Progress,
    /// How the run is stopped.
    pub cancel: &'a Cancel,
    /// Redo what was made from other settings.
    pub force: bool,
    /// Do units again whose receipts carry faults that another try may cure.
    pub retry_failed: bool,
    /// The other processes that work in the run directory; `None` for none.
    pub worker: Option<WorkerRole>,
}
