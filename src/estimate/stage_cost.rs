//! What a stage declares of its cost.

use super::memory::Footprint;
use super::rates::Rates;
use super::simulation::WorkerStage;
use super::sizes::{Line, Sizes};
use super::work::Work;

/// What a stage takes, each as a function of how much there is to do. Bytes, and seconds from nothing to the end.
pub struct StageCost {
    /// Units that it lists; none where it is switched off.
    pub units: fn(&Work) -> u64,
    /// Bytes that it leaves, receipts apart.
    pub bytes: fn(&Work, &Sizes) -> f64,
    /// Bytes of a receipt without outputs, and what each output adds to it.
    pub receipt: Line,
    /// Outputs of all its units.
    pub outputs: fn(&Work, &Sizes) -> f64,
    /// Bytes of host memory at its peak.
    pub memory: fn(&Work, &Footprint) -> f64,
    /// Seconds that it takes; `None` if nobody has measured it.
    pub seconds: fn(&Work, &Sizes, &Rates) -> Option<f64>,
    /// The stage as many workers share it, for the simulation; `None` if it is left out there.
    pub shared: Option<fn(&Work, &Rates) -> WorkerStage>,
}

/// A stage to be estimated.
#[derive(Clone, Copy)]
pub struct StageToDo {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub cost: &'static StageCost,
    /// Whether devices are kept for it.
    pub on_devices: bool,
}

impl StageToDo {
    /// Bytes of its receipts.
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
