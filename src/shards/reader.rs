//! One shard as an iterator of samples and faults, whatever it is stored in.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::fault::ShardFault;
use super::identity::ShardIdentity;
use super::read_options::ReadOptions;
use super::sample::Sample;
use super::sources::ShardPlace;
use super::tar_reader::TarReader;

/// Streams a shard's samples, in order, holding one at a time.
///
/// Items are samples or [`ShardFault`]s. A fault that is not fatal concerns one sample, which is not
/// delivered; reading goes on behind it. A fatal one is the last item: every whole sample before
/// the damage has been delivered, and the fault names the sample that was being read. (A sample
/// is known to be whole once the header behind it has been read.)
/// (Some fatal faults come after the last sample has been delivered and name none:
/// [`FaultReason::NoEndMarker`], [`FaultReason::TrailingData`], [`FaultReason::TrailingGarbage`], and where there is no
/// sample [`FaultReason::NoSamples`].)
pub struct ShardReader {
    items: Box<dyn Iterator<Item = Result<Sample, ShardFault>> + Send>,
}

impl ShardReader {
    /// Opens a shard file.
    ///
    /// # Errors
    /// A fatal [`FaultReason::ReadFailed`](super::FaultReason::ReadFailed) if the file can't be opened or read.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self, ShardFault> {
        ShardPlace::File(path.to_owned()).open(&ShardIdentity::default(), options)
    }

    /// Reads a tar from any byte source; `shard` is the name that faults carry.
    pub fn from_reader(
        shard: impl Into<PathBuf>,
        source: impl Read + Send + 'static,
        options: ReadOptions,
    ) -> Self {
        Self::of(TarReader::from_reader(shard, source, options))
    }

    /// The samples and faults of a container.
    pub(super) fn of(
        items: impl Iterator<Item = Result<Sample, ShardFault>> + Send + 'static,
    ) -> Self {
        Self { items: Box::new(items) }
    }
}

impl Iterator for ShardReader {
    type Item = Result<Sample, ShardFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.items.next()
    }
}

#[cfg(test)]
#[path = "reader_tests/mod.rs"]
mod tests;
