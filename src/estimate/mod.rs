//! Estimates what a run takes: numbers in, numbers out.
//!
//! [`Work`] is the amount of work, [`Sizes`] the sizes of files, [`Rates`] the speed of the machine; [`crate::probe`] finds
//! these by counting, by probe files and by measuring. [`simulate`] simulates a run of many workers.

mod memory;
mod plan;
mod rates;
mod recorded;
mod simulation;
mod sizes;
mod stage_cost;
mod warnings;
mod work;

pub use memory::Footprint;
pub use plan::{StageForecast, StageStatus, Times, Totals, stages, totals};
pub use rates::Rates;
pub use recorded::{Recorded, recorded};
pub use simulation::{Requests, Rules, SimulatedRun, SimulatedStage, WorkerStage, simulate};
pub use sizes::{Line, Sizes};
pub use stage_cost::{StageCost, StageToDo, worker_stages};
pub use warnings::{RunFacts, warnings};
pub use work::Work;
