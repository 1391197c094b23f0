//! What a stage did, in numbers.

use super::plan::{Plan, UnitState};
use crate::store::Receipt;

/// A stage that ended well.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StageSummary {
    /// The stage.
    pub stage: &'static str,
    /// Its units.
    pub units: usize,
    /// Those done in this run; the others were done before.
    pub processed: usize,
    /// Samples it produced, all runs together.
    pub samples: u64,
    /// Samples it left out, all runs together.
    pub skipped: u64,
    /// Bytes of its outputs.
    pub bytes: u64,
    /// Wall time of this run.
    pub seconds: f64,
}

/// What earlier runs did of the stage.
pub(super) fn summary_of<U>(plan: &Plan<U>) -> StageSummary {
    let mut summary = StageSummary {
        stage: plan.stage,
        units: plan.units.len(),
        processed: 0,
        samples: 0,
        skipped: 0,
        bytes: 0,
        seconds: 0.0,
    };
    for unit in &plan.units {
        if let UnitState::Done(receipt) = &unit.state {
            summary.add(receipt);
        }
    }
    summary.processed = 0;
    summary
}

impl StageSummary {
    /// Counts a unit of this run.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.processed += 1;
        self.samples += receipt.samples;
        self.skipped += receipt.faults.len() as u64;
        self.bytes += receipt.bytes();
    }
}
