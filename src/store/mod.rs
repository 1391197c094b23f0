//! The run directory: receipts, whole files, the lock, events, and the Parquet tables that stages hand each other.
//!
//! A file appears under its final name only when whole; a receipt written after it says what it was made from.
//! The two together are the checkpoint: nothing else is needed to go on after any kind of death.

mod atomic;
mod backend;
#[cfg(test)]
mod backend_contract;
mod content;
mod contents;
mod disk;
mod download;
mod error;
mod events;
mod folder;
mod kept;
mod local_copies;
mod local_dir;
mod lock;
mod names;
mod nfs;
mod object_backend;
mod object_ranges;
mod occupy;
mod outputs;
mod parallel;
mod process_id;
mod range_cache;
mod ranged;
mod receipt;
mod record;
mod run_dir;
mod run_id;
mod space;
mod spill;
mod sweep;
pub mod tables;
mod temporary;
mod verify;
mod workers;

pub use atomic::{AtomicFile, Written, adopt, file_digest};
pub use content::{ContentDigests, content_digests};
pub use contents::Contents;
pub use disk::CrashPoint;
pub use error::StoreError;
pub use events::EventLog;
pub use folder::AtomicFolder;
pub use lock::FolderLock;
pub use names::file_stem;
pub use ranged::{Ranged, RangedReader};
pub use receipt::{Receipt, SampleFault};
pub use record::{RunRecord, StageRecord};
pub use run_dir::RunDir;
#[cfg(test)]
pub(crate) use run_dir::receipts_read;
pub use space::{existing, free_bytes};
pub use spill::Spill;
pub use sweep::sweep_after_the_dead;
pub use temporary::temporary;
pub use verify::{DamagedFile, FileDamage, Verification, verify};
pub use workers::{ClaimOutcome, StageSnapshot, WorkerRecord, WorkerSession, WorkerState};
