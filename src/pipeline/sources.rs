//! The shards of a pipeline, by the names that its tables keep.

use super::error::StageError;
use crate::config::Data;
use crate::shards::{
    LabelSource, ReadOptions, Retry, ShardError, ShardFault, ShardIdentity, ShardPlace,
    ShardReader, expand_sources_with_warnings, shard_identities,
};
use std::collections::HashMap;
use std::time::Duration;

/// A shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The shard's place.
    pub place: ShardPlace,
    /// The shard's name in tables and sidecars: a path below the pipeline's folder, so that results don't depend on the
    /// folder's place; a URL without its secrets; a pipe's command.
    pub name: String,
    /// The shard's identity when the run was planned.
    pub identity: ShardIdentity,
    retry: Retry,
}

/// The shards of `[data] shards`, in order.
///
/// # Errors
/// If a pattern is wrong, or a shard can't be looked at; and for standard input, which could not be read again.
pub(crate) fn expand(data: &Data) -> Result<Vec<Source>, StageError> {
    expand_with_warnings(data, &mut Vec::new())
}

/// As [`expand`]; adds a warning for the files that folders and globs skip.
pub(crate) fn expand_with_warnings(
    data: &Data,
    warnings: &mut Vec<String>,
) -> Result<Vec<Source>, StageError> {
    let first_wait = Duration::from_secs_f64(data.retry_seconds);
    let retry = Retry { retries: data.retries, first_wait };
    let (base, patterns) = (&data.shards.base, &data.shards.patterns);
    let places = expand_sources_with_warnings(base, patterns, retry, warnings)?;
    if places.contains(&ShardPlace::Stdin) {
        return Err(ShardError::Stdin.into());
    }
    let identities = shard_identities(&places, retry)?;
    let names = unique(places.iter().map(|place| place.name(base)).collect());
    let source = |((place, identity), name)| Source { place, name, identity, retry };
    Ok(places.into_iter().zip(identities).zip(names).map(source).collect())
}

/// Makes names unique: URLs that differ only in hidden secrets are numbered, in their order.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let name = |name: String| {
        if counts.get(&name) == Some(&1) {
            return name;
        }
        loop {
            let number = seen.entry(name.clone()).or_default();
            *number += 1;
            let numbered = format!("{name}#{number}");
            if !counts.contains_key(&numbered) {
                return numbered;
            }
        }
    };
    names.into_iter().map(name).collect()
}

impl Source {
    /// Opens the shard with the identity it had when the run was planned. Blocks the thread.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn open(&self, options: ReadOptions) -> Result<ShardReader, ShardFault> {
        self.place.open(&self.identity, ReadOptions { retry: self.retry, ..options })
    }

    /// Whether [`Source::open_at`] may be used.
    pub(crate) fn is_seekable(&self) -> Result<bool, ShardFault> {
        let options = ReadOptions { retry: self.retry, ..ReadOptions::default() };
        self.place.is_seekable(&self.identity, &options)
    }

    /// The names of the classes that the numbers in the label stand for, if the shard has such.
    pub(crate) fn class_names(
        &self,
        label: &LabelSource,
    ) -> Result<Option<Vec<String>>, ShardFault> {
        let options = ReadOptions { retry: self.retry, ..ReadOptions::default() };
        self.place.class_names(label, &self.identity, &options)
    }

    /// Opens the samples at these offsets alone, where the shard's container can pass over the others at once.
    pub(crate) fn open_some(
        &self,
        offsets: &[u64],
        options: ReadOptions,
    ) -> Result<Option<ShardReader>, ShardFault> {
        let options = ReadOptions { retry: self.retry, ..options };
        self.place.open_some(offsets, &self.identity, &options)
    }

    /// Opens the shard at the sample whose header is at `offset`.
    pub(crate) fn open_at(
        &self,
        offset: u64,
        options: ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        self.place.open_at(offset, &self.identity, ReadOptions { retry: self.retry, ..options })
    }
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn no_two_shards_have_one_name() {
        let names = |names: &[&str]| unique(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&["a", "b"]), ["a", "b"]);
        assert_eq!(
            names(&["h/get", "b", "h/get", "h/get"]),
            ["h/get#1", "b", "h/get#2", "h/get#3"]
        );
        assert_eq!(names(&["a#1", "a", "a"]), ["a#1", "a#2", "a#3"]);
    }
}
