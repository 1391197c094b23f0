//! Opening shards wherever they are.

use std::io::{self, BufReader, Read};

use super::compression::Compression;
use super::error::ShardError;
use super::fault::{FaultReason, ShardFault};
use super::identity::ShardIdentity;
use super::peek::Peek;
use super::reader::{ReadOptions, ShardReader};
use super::refused::Refused;
use super::remote;
use super::retry::Retry;
use super::skip::PlainFile;
use super::sources::ShardPlace;

/// What is known of each of `places`, in their order; servers are asked about several at once.
///
/// # Errors
/// [`ShardError::Io`] or [`ShardError::Remote`] for the first that can't be asked about.
pub fn shard_identities(
    places: &[ShardPlace],
    retry: Retry,
) -> Result<Vec<ShardIdentity>, ShardError> {
    let urls: Vec<String> = places.iter().filter_map(url).map(str::to_owned).collect();
    let mut remote = remote::identities(&urls, retry)?.into_iter();
    let identity = |place: &ShardPlace| match place {
        ShardPlace::Url(_) => Ok(remote.next().unwrap_or_default()),
        other => other.source().identity(retry),
    };
    places.iter().map(identity).collect()
}

fn url(place: &ShardPlace) -> Option<&str> {
    match place {
        ShardPlace::Url(url) => Some(url),
        _ => None,
    }
}

impl ShardPlace {
    /// Opens the shard, which should be as `known` has it: a remote one that has changed since is
    /// not read. Call it from a thread that may block.
    ///
    /// # Errors
    /// A fatal [`FaultReason::ReadFailed`] if it can't be opened.
    pub fn open(
        &self,
        known: &ShardIdentity,
        options: ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        self.open_at(0, known, options)
    }

    /// How the shard is compressed, by its beginning.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn compression(&self) -> Result<Compression, ShardFault> {
        let (known, options) = (ShardIdentity::default(), ReadOptions::default());
        self.bytes(0, &known, &options)
            .and_then(|source| Compression::detect(&mut Peek::new(BufReader::new(source))))
            .map_err(|error| self.failed(&error))
    }

    /// Whether [`ShardPlace::open_at`] can begin anywhere: a plain tar in a file or on a server.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn is_seekable(
        &self,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<bool, ShardFault> {
        if !self.source().is_seekable() {
            return Ok(false);
        }
        let mut head = Vec::new();
        self.bytes(0, known, options)
            .and_then(|source| source.take(4).read_to_end(&mut head))
            .map_err(|error| self.failed(&error))?;
        Ok(matches!(Compression::of_magic(&head), Ok(Compression::Plain)))
    }

    /// Opens a shard that [`is_seekable`](ShardPlace::is_seekable) at the sample whose
    /// [`Sample::offset`](super::Sample::offset) is `offset`; the offsets of what is read count from
    /// there.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn open_at(
        &self,
        offset: u64,
        known: &ShardIdentity,
        options: ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        let name = self.to_string();
        let failed = |error: io::Error| self.failed(&error);
        if let Self::File(path) = self
            && let Some(file) = PlainFile::open(path, offset).map_err(failed)?
        {
            // What is not asked for is passed over by seeking.
            return Ok(ShardReader::from_source(name.into(), Box::new(file), options));
        }
        let source = self.bytes(offset, known, &options).map_err(failed)?;
        Ok(ShardReader::from_reader(name, source, options))
    }

    fn bytes(
        &self,
        offset: u64,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> io::Result<Box<dyn Read + Send>> {
        let source = self.source();
        if offset > 0 && !source.is_seekable() {
            return Err(io::Error::other("it can only be read from its start"));
        }
        source.open(offset, known, options.retry)
    }

    fn failed(&self, error: &io::Error) -> ShardFault {
        ShardFault {
            shard: self.to_string().into(),
            key: None,
            reason: Refused::of(error).cloned().unwrap_or_else(|| FaultReason::ReadFailed {
                kind: error.kind(),
                message: error.to_string(),
            }),
            fatal: true,
        }
    }
}
