//! Shards and run directories on servers: the bytes of the disk, whatever the connection does.

mod bytes_fetched;
mod credentials;
mod run_traffic;
pub mod shards;
mod shards_on_s3;
mod workers;
