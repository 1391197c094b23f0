//! WebDataset shards in and out: where they are, what is in them, how they are written.
//!
//! A shard is a tar archive (plain, gzip, zstd or lz4) of *members*; consecutive members that share a
//! key form one *sample*. Everything here streams and is synchronous: a caller runs a
//! [`ShardReader`] on a blocking thread. Damage in the data is never an abort but a [`Fault`]
//! item that names the shard and the sample, so that the caller's policy (stop, skip, count)
//! decides; mistakes in what the user asked for are [`ShardError`]s.
//!
//! ```
//! use coda_pipe::shards::{ReadOptions, SampleMember, ShardReader, ShardWriter, WriterOptions};
//!
//! let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
//! writer.write_sample("000001", &[SampleMember::new("cls", b"7")])?;
//! let (tar, _entries) = writer.finish()?;
//!
//! for item in ShardReader::from_reader("demo.tar", std::io::Cursor::new(tar), ReadOptions::default()) {
//!     assert_eq!(item?.get("cls"), Some(&b"7"[..]));
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
mod hub;
mod identity;
mod index;
mod index_check;
mod joined;
mod json_field;
mod labels;
mod member_name;
mod open;
mod pattern_list;
mod pax;
mod peek;
mod pipe;
mod place;
mod reader;
mod refused;
#[cfg(feature = "remote")]
mod remote;
#[cfg(not(feature = "remote"))]
#[path = "remote_off.rs"]
mod remote;
mod retry;
mod sample;
mod skip;
mod sources;
mod tar_blocks;
mod tar_stream;
mod writer;

pub use crate::imaging::IMAGE_EXTENSIONS;
pub use crate::objects::without_logins_in;
pub use compression::Compression;
pub use decompress::decompress;
pub use entry::{MemberEntry, SampleEntry};
pub use error::ShardError;
pub use fault::{Fault, FaultReason};
pub use identity::ShardIdentity;
pub use index::{WidsShard, dali_index, wids_index};
pub use index_check::check_dali_index;
pub use labels::LabelSource;
pub(crate) use member_name::is_system_folder;
pub use open::shard_identities;
pub use place::ShardPlace;
pub use reader::{ReadOptions, ShardReader};
pub use retry::Retry;
pub use sample::{Sample, SampleMember};
pub use sources::{SHARD_ENDINGS, expand_sources, expand_sources_telling};
pub use writer::{ShardWriter, WriterOptions};
