//! What a stage is, and everything that a stage author must not get wrong: which units are done, bounded concurrency,
//! receipts, progress, cancellation, device threads.

mod blocking;
mod cancel;
mod device;
mod failure;
mod feed;
mod fingerprint;
mod here;
mod others;
mod partition;
mod plan;
mod progress;
mod queue;
mod remaining;
mod runner;
mod scope;
mod stage;
mod summary;
mod tally;
mod terminal;
mod unit;

pub use cancel::{Cancel, Cancelled};
pub use device::{DeviceGone, DevicePool, left_at_work};
pub use failure::{FlowError, StaleStage, UnitFailure};
pub use feed::Team;
pub use fingerprint::Fingerprint;
pub use others::missing;
pub use partition::{NoPartition, Partition, shares};
pub use plan::{Plan, PlannedUnit, StaleReason, UnitState, plan};
pub use progress::{Progress, ProgressStyle, StageProgress};
pub use queue::Queue;
pub use runner::{RunOptions, StageResult, run_stage};
pub use scope::Scope;
pub use stage::{Done, Stage, UnitError};
pub use summary::StageSummary;
