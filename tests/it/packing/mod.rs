//! `shards pack`: every file of a folder or table is packed once or named.

mod found_files;
mod shards;
