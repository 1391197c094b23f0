//! What a stage is, and everything that a stage author must not get wrong: which units are done, bounded concurrency,
//! receipts, progress, cancellation, device threads.

mod cancel;
mod device;
mod fingerprint;
mod plan;
mod progress;
mod runner;
mod scope;
mod stage;

pub use cancel::{Cancel, Cancelled};
pub use device::{DeviceGone, DevicePool};
pub use fingerprint::Fingerprint;
pub use plan::{Plan, PlannedUnit, StaleReason, UnitState, plan};
pub use progress::{Progress, ProgressStyle, StageProgress};
pub use runner::{FlowError, RunOptions, StageSummary, run_stage};
pub use scope::Scope;
pub use stage::{Done, Stage};
