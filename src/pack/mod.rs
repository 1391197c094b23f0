//! From image files to WebDataset shards.
//!
//! What goes into which shard is decided before anything is read: the list of files, sorted or
//! shuffled by a seed, cut into runs of equal length. So a shard can be made on its own, several
//! at once, and those that an interrupted run finished are left alone.

mod error;
mod image_table;
mod list;
mod pattern;
mod plan;
mod record;
mod table;
mod table_columns;
mod table_parquet;
mod write;

pub(crate) use crate::shards::image_folder::{Listing, SkippedFiles};
pub use image_table::{holds_images, plan_rows};
pub use list::list_entries;
pub use pattern::ShardPattern;
pub use plan::{Label, PackOptions, plan_shards};
pub use write::{Packed, Step, WriteOptions, write_shards};
