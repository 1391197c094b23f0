//! Reads and writes WebDataset shards.
//!
//! A shard is a Parquet file of images (a row is a sample), or a tar archive (POSIX ustar, GNU and PAX names; plain, gzip, zstd or lz4, told by its first bytes) of
//! *members*. Consecutive members that share a key form one [`Sample`]: `dir/0001.jpg` and `dir/0001.cls` are the members
//! `jpg` and `cls` of the sample `dir/0001`. The format is that of the Python package `webdataset`.
//!
//! - [`expand_sources`] turns patterns (paths, braces, globs, URLs, `pipe:COMMAND`, `@FILE`) into [`ShardPlace`]s.
//! - [`ShardPlace::open`] gives a [`ShardReader`], an iterator over samples. [`ShardReader::from_reader`] reads any
//!   `Read`. Both block and stream: a reader holds one sample's wanted members in memory.
//! - [`ShardWriter`] writes samples as a tar whose bytes depend on nothing but the samples.
//! - [`LabelSource`] takes a sample's class from a member, a JSON field or its key.
//!
//! Offsets and sizes are in bytes and count in the uncompressed archive; positions of samples count from 0.
//!
//! Damage in the data is an item of the iterator, a [`ShardFault`] that names the shard, the key and the reason; after a
//! *fatal* one the iterator ends. The caller decides whether to stop, skip or count. A mistake in what was asked for is a
//! [`ShardError`].
//!
//! ```
//! use coda_pipe::shards::{ReadOptions, Retry, SampleMember, ShardIdentity, ShardWriter, WriterOptions, expand_sources};
//!
//! let folder = tempfile::tempdir()?;
//! let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
//! writer.write_sample("000001", &[SampleMember::new("cls", b"7")])?;
//! let (tar, _entries) = writer.finish()?;
//! std::fs::write(folder.path().join("train-0.tar"), tar)?;
//!
//! for place in expand_sources(folder.path(), &["train-{0..0}.tar".to_owned()], Retry::default())? {
//!     for item in place.open(&ShardIdentity::default(), ReadOptions::default())? {
//!         assert_eq!(item?.get("cls"), Some(&b"7"[..]));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod braces;
mod compression;
mod decompress;
mod entry;
mod error;
mod fault;
mod foreign;
mod frames;
mod grouping;
mod identity;
pub(crate) mod image_folder;
mod images_reader;
mod index;
mod index_check;
mod joined;
mod json_field;
mod labels;
mod member_name;
mod open;
mod parquet;
mod pattern_list;
mod pax;
mod peek;
mod read_options;
mod reader;
mod refused;
#[cfg(feature = "remote")]
mod remote;
#[cfg(not(feature = "remote"))]
#[path = "remote_off.rs"]
mod remote;
mod retry;
mod sample;
mod shard_name;
mod skip;
mod sources;
mod splits;
mod tar_blocks;
mod tar_reader;
mod tar_stream;
mod writer;

pub use compression::{Compression, Container};
pub use entry::{MemberEntry, SampleEntry};
pub use error::ShardError;
pub use fault::{FaultReason, ShardFault};
pub use identity::ShardIdentity;
pub use image_folder::FolderError;
pub use labels::LabelSource;
pub use open::shard_identities;
pub use read_options::ReadOptions;
pub use reader::ShardReader;
pub use retry::Retry;
pub use sample::{Sample, SampleMember};
pub use sources::{ImageFiles, ShardPlace, expand_sources};
pub use writer::{ShardWriter, WriterOptions};

pub(crate) use crate::imaging::IMAGE_EXTENSIONS;
pub(crate) use crate::objects::without_logins_in;
pub(crate) use index::{WidsShard, dali_index, wids_index};
pub(crate) use index_check::check_dali_index;
pub(crate) use sources::expand_sources_with_warnings;
pub(crate) use splits::split_of;
