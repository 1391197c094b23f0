//! From image files to WebDataset shards.
//!
//! What goes into which shard is decided before anything is read: the list of files, sorted or
//! shuffled by a seed, cut into runs of equal length. So a shard can be made on its own, several
//! at once, and those that an interrupted run finished are left alone.

mod error;
mod folder;
mod key;
mod list;
mod listing;
mod pattern;
mod plan;
mod read;
mod record;
mod skipped_files;
mod table;
mod table_columns;
mod table_parquet;
mod write;

pub use list::list_entries;
pub use listing::Listing;
pub use pattern::ShardPattern;
pub use plan::{Label, PackOptions, plan_shards};
pub use skipped_files::SkippedFiles;
pub use write::{Packed, Step, WriteOptions, write_shards};
