//! What a stage did, in numbers.

use super::plan::{StagePlan, UnitState};
use crate::store::Receipt;

/// A stage that ended well.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StageSummary {
    /// The stage.
    pub stage: &'static str,
    /// Its units.
    pub units: usize,
    /// Those done by this process; the others were done before, or by other workers.
    pub processed: usize,
    /// Those that other workers did meanwhile.
    pub elsewhere: usize,
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
pub(super) fn summary_of<U>(plan: &StagePlan<U>) -> StageSummary {
    let mut summary = StageSummary {
        stage: plan.stage,
        units: plan.units.len(),
        processed: 0,
        elsewhere: 0,
        samples: 0,
        skipped: 0,
        bytes: 0,
        seconds: 0.0,
    };
    for unit in &plan.units {
        if let UnitState::Done(receipt) = &unit.state {
            summary.add_of_others(receipt);
        }
    }
    summary
}

impl StageSummary {
    /// Counts a unit of this run.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.processed += 1;
        self.add_of_others(receipt);
    }

    /// Counts a unit that another run or worker did.
    pub(super) fn add_of_others(&mut self, receipt: &Receipt) {
        self.samples += receipt.samples;
        self.skipped += receipt.faults.len() as u64;
        self.bytes += receipt.bytes();
    }
}
