//! What becomes of the units that this process was handed: the runner tells it, the scheduler asks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The units of a stage in this process.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    at_work: AtomicUsize,
    failed: AtomicBool,
    stopped: AtomicBool,
}

impl InFlight {
    /// A unit is handed out.
    pub(super) fn begin(&self) {
        self.at_work.fetch_add(1, Ordering::AcqRel);
    }

    /// One that was handed out ended.
    pub(super) fn end(&self) {
        self.at_work.fetch_sub(1, Ordering::AcqRel);
    }

    /// As [`InFlight::end`], badly: from now on nothing is waited for.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.end();
    }

    /// Nothing more is to be begun. Whether that is news.
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

    /// Whether nothing more is to be begun.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
