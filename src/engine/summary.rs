//! The numbers of a stage.

use crate::store::Receipt;

/// The summary of a completed stage.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StageSummary {
    /// The stage.
    pub stage: &'static str,
    /// The number of units.
    pub units: usize,
    /// Units done by this process.
    pub processed: usize,
    /// Units done by other workers meanwhile.
    pub elsewhere: usize,
    /// Samples of all runs together.
    pub samples: u64,
    /// Skipped samples of all runs together.
    pub skipped: u64,
    /// Bytes of the outputs.
    pub bytes: u64,
    /// Wall time of this run.
    pub seconds: f64,
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
