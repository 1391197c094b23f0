//! The engine of stages: planning, scheduling, bounded concurrency, receipts, progress, cancellation and device threads, so
//! that a stage implements none of these.

mod blocking;
mod cancel;
mod device;
mod failure;
mod fingerprint;
mod in_flight;
mod inputs;
mod options;
mod partition;
mod peers;
mod plan;
mod progress;
mod queue;
mod remaining;
mod runner;
mod scheduler;
mod scope;
mod stage;
mod stage_outcome;
mod summary;
mod terminal;
mod unit;

pub use cancel::{Cancel, Cancelled};
pub use device::{DeviceGone, DevicePool, left_at_work};
pub use failure::{FlowError, StaleStage, UnitFailure};
pub use fingerprint::Fingerprint;
pub use inputs::Input;
#[cfg(test)]
pub(crate) use inputs::values_written;
pub use options::RunOptions;
pub use partition::{NoPartition, Partition, shares};
pub use peers::missing;
pub use plan::{PlannedUnit, StagePlan, StaleReason, UnitState, plan_stage};
pub use progress::{Progress, ProgressStyle, StageProgress};
pub use queue::Queue;
pub use runner::{StageResult, run_stage};
pub use scheduler::WorkerRole;
pub use scope::Scope;
pub use stage::{Done, Stage, UnitError};
pub use summary::StageSummary;
