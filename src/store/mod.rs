//! The run directory: receipts, whole files, the lock, events, and the Parquet tables that stages hand each other.
//!
//! A file appears under its final name only when whole; a receipt written after it says what it was made from.
//! The two together are the checkpoint: nothing else is needed to go on after any kind of death.

mod atomic;
mod error;
mod events;
mod lock;
mod names;
mod receipt;
mod run_dir;
pub mod tables;

pub use atomic::{AtomicFile, Written, adopt, file_digest};
pub use error::StoreError;
pub use events::EventLog;
pub use lock::Lock;
pub use names::file_stem;
pub use receipt::{Fault, Receipt};
pub use run_dir::{RunDir, RunRecord, StageRecord};
