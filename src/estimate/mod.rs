//! What a run will take, before it starts: numbers in, numbers out.
//!
//! [`Work`] is how much there is to do, [`Sizes`] how long its files come out, [`Rates`] how fast the machine is. Who
//! finds these out (by counting, by probe files, by measuring) is none of this room's business. [`simulate`] has many workers share it.

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
