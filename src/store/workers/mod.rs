//! Several processes in one run directory: who is there, who works on what, who has died.
//!
//! Receipts alone say what is done. What is here only keeps the processes from doing one another's work: a worker holds
//! its place (`workers/I-of-N.json`) with a number that goes up while it lives, and claims each unit before it begins it.

mod claim;
mod heartbeat;
mod liveness;
mod record;

pub(super) use claim::CLAIM;
pub use claim::StageSnapshot;
pub use heartbeat::{ClaimOutcome, WorkerSession};
pub(super) use liveness::{ALONE, FOLDER, in_order};
pub use record::{WorkerRecord, WorkerState};
