//! The Hugging Face hub: addresses (`hf://…`), its API, and its cache on this machine, which is the one of the Python package
//! `huggingface_hub`: what either has fetched, the other finds.
//!
//! Models are fetched whole into the cache ([`Repository`]); files of data sets are read in ranges and kept nowhere
//! ([`object`]). The token goes to the hub's own host and to no other.

mod address;
#[cfg(feature = "remote")]
mod answer;
#[cfg(feature = "remote")]
mod cache;
#[cfg(feature = "remote")]
mod client;
#[cfg(feature = "remote")]
mod digest;
#[cfg(feature = "remote")]
mod download;
#[cfg(feature = "remote")]
mod environment;
mod error;
#[cfg(feature = "remote")]
mod file;
#[cfg(feature = "remote")]
mod lock;
#[cfg(feature = "remote")]
mod place;
#[cfg(feature = "remote")]
mod progress;
#[cfg(feature = "remote")]
mod ranges;
#[cfg(feature = "remote")]
mod repo_file;
#[cfg(feature = "remote")]
mod repository;
#[cfg(not(feature = "remote"))]
#[path = "repository_off.rs"]
mod repository;
#[cfg(feature = "remote")]
mod shard_files;
#[cfg(feature = "remote")]
mod tree;

pub(crate) use address::{HubAddress, is_hub};
#[cfg(feature = "remote")]
pub use digest::git_digest;
pub use error::HubError;
#[cfg(feature = "remote")]
pub(crate) use ranges::object;
#[cfg(feature = "remote")]
pub(crate) use repo_file::RepoFile;
#[cfg(not(feature = "remote"))]
pub(crate) use repository::RepoFile;
pub(crate) use repository::Repository;
#[cfg(feature = "remote")]
pub(crate) use shard_files::{KnownFile, known_files, list_files};
