//! The shards of a pipeline, by the names that its tables keep.

use super::error::StageError;
use crate::config::Data;
use crate::shards::{
    Fault, ReadOptions, Retry, ShardError, ShardIdentity, ShardPlace, ShardReader, expand_sources,
    shard_identities,
};
use std::time::Duration;

/// A shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Where it is.
    pub place: ShardPlace,
    /// What tables and sidecars call it: a path below the pipeline's folder, so that results are the same wherever
    /// the folder stands; a URL without its secrets; a pipe's command.
    pub name: String,
    /// What it was when the run was planned.
    pub identity: ShardIdentity,
    retry: Retry,
}

/// The shards that `[data] shards` stands for, in order.
///
/// # Errors
/// If a pattern is wrong, or a shard can't be looked at; and for standard input, which could not be read again.
pub(super) fn expand(data: &Data) -> Result<Vec<Source>, StageError> {
    let first_wait = Duration::from_secs_f64(data.retry_seconds);
    let retry = Retry { retries: data.retries, first_wait };
    let (base, patterns) = (&data.shards.base, &data.shards.patterns);
    let places = expand_sources(base, patterns, retry)?;
    if places.contains(&ShardPlace::Stdin) {
        return Err(ShardError::Stdin.into());
    }
    let identities = shard_identities(&places, retry)?;
    let source = |(place, identity): (ShardPlace, ShardIdentity)| {
        let name = place.name(base);
        Source { place, name, identity, retry }
    };
    Ok(places.into_iter().zip(identities).map(source).collect())
}

impl Source {
    /// Opens it as it was when the run was planned. Call it on a thread that may block.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(super) fn open(&self, options: ReadOptions) -> Result<ShardReader, Fault> {
        self.place.open(&self.identity, ReadOptions { retry: self.retry, ..options })
    }

    /// Whether [`Source::open_at`] may be used.
    pub(super) fn is_seekable(&self) -> Result<bool, Fault> {
        let options = ReadOptions { retry: self.retry, ..ReadOptions::default() };
        self.place.is_seekable(&self.identity, &options)
    }

    /// Opens it at the sample whose header is at `offset`.
    pub(super) fn open_at(&self, offset: u64, options: ReadOptions) -> Result<ShardReader, Fault> {
        self.place.open_at(offset, &self.identity, ReadOptions { retry: self.retry, ..options })
    }
}
