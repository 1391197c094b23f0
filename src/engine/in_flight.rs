//! The units under way in this process: set by the runner, read by the scheduler.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The units of a stage in this process.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    at_work: AtomicUsize,
    failed: AtomicBool,
    stopped: AtomicBool,
}

impl InFlight {
    /// A unit was taken.
    pub(super) fn begin(&self) {
        self.at_work.fetch_add(1, Ordering::AcqRel);
    }

    /// A unit ended.
    pub(super) fn end(&self) {
        self.at_work.fetch_sub(1, Ordering::AcqRel);
    }

    /// A unit failed: from now on the scheduler waits for no other worker.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.end();
    }

    /// Stops the start of more units. Returns whether this is the first stop.
    pub(super) fn stop(&self) -> bool {
        !self.stopped.swap(true, Ordering::AcqRel)
    }

    /// Whether units are under way.
    pub(super) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Acquire) > 0
    }

    /// Whether a unit has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Whether no more units may be started.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
