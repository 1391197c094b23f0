//! The cost that a stage declares.

use super::memory::Footprint;
use super::rates::Rates;
use super::simulation::WorkerStage;
use super::sizes::{Line, Sizes};
use super::work::Work;

/// The cost of a stage as functions of the amount of work: units, bytes, and seconds of the whole stage.
pub struct StageCost {
    /// The number of units; 0 if the stage is off.
    pub units: fn(&Work) -> u64,
    /// Bytes of the stage's files without receipts.
    pub bytes: fn(&Work, &Sizes) -> f64,
    /// Bytes of a receipt without outputs, and what each output adds to it.
    pub receipt: Line,
    /// Outputs of all units.
    pub outputs: fn(&Work, &Sizes) -> f64,
    /// Bytes of host memory at its peak.
    pub memory: fn(&Work, &Footprint) -> f64,
    /// Seconds of the stage; `None` if not measured.
    pub seconds: fn(&Work, &Sizes, &Rates) -> Option<f64>,
    /// The stage for the simulation of many workers; `None` if not simulated.
    pub shared: Option<fn(&Work, &Rates) -> WorkerStage>,
}

/// A stage to be estimated.
#[derive(Clone, Copy)]
pub struct StageToDo {
    /// The name.
    pub name: &'static str,
    /// The cost.
    pub cost: &'static StageCost,
    /// Whether the stage uses devices.
    pub on_devices: bool,
}

impl StageToDo {
    /// Bytes of the receipts.
    pub fn receipt_bytes(&self, work: &Work, sizes: &Sizes) -> f64 {
        let Line { fixed, each } = self.cost.receipt;
        (self.cost.units)(work) as f64 * fixed + (self.cost.outputs)(work, sizes) * each
    }
}

/// `stages` as many workers like the machine of `rates` share them, each with one of its devices.
pub fn worker_stages(stages: &[StageToDo], work: &Work, rates: &Rates) -> Vec<WorkerStage> {
    let shared = |stage: &StageToDo| {
        let shared = stage.cost.shared?(work, rates);
        Some(WorkerStage { stage: stage.name, ..shared })
    };
    stages.iter().filter_map(shared).collect()
}
