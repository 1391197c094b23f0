//! Whenever the process dies or the disk fails, nothing half is left, and the same bytes come out afterwards.

mod failing_disk;
mod full_disk;
pub mod random_kills;
