//! `coda-pipe shards`.

mod cat;
mod index;
mod ls;
mod pack;
mod verify;

use super::exit::{Exit, UsageError};
use super::printable::printable;
use crate::shards::{
    FaultReason, Retry, Sample, ShardError, ShardFault, ShardPlace, expand_sources_with_warnings,
};
use cat::Cat;
use clap::{Args, Subcommand};
use index::Index;
use ls::Ls;
use pack::Pack;
use std::path::Path;
use verify::Verify;

/// Pack, list, copy, index and check WebDataset shards.
#[derive(Debug, Args)]
pub(crate) struct Shards {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pack a folder or a table of images into shards
    Pack(Pack),
    /// List every sample as the pipeline sees it, bad samples with the reason
    ///
    /// Samples go to stdout, totals to stderr. Exits with 0 if all samples are good, 1 if a sample is bad or a shard can't be
    /// read to its end, 2 if a shard does not exist.
    Ls(Ls),
    /// Write the samples of shards as one tar on stdout, as the pipeline sees them
    ///
    /// Bad samples are named on stderr and skipped; exits with 1 if there are any. `… | tar -x` unpacks the tar.
    Cat(Cat),
    /// Write DALI's index beside each tar and, with --wids, a wids index over all
    ///
    /// Exits with 1 if a shard can't be indexed (compressed, remote, damaged); the other shards are indexed.
    Index(Index),
    /// Check every shard to its end, and with --images every image, for damage
    ///
    /// Exits with 1 if anything is damaged.
    Verify(Verify),
}

impl Shards {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Pack(command) => command.run(),
            Command::Ls(command) => command.run(),
            Command::Cat(command) => command.run(),
            Command::Index(command) => command.run(),
            Command::Verify(command) => command.run(),
        }
    }
}

/// Expands the arguments of a command to shards; prints which files the folders and globs skipped.
pub(super) fn places(patterns: &[String]) -> anyhow::Result<Vec<ShardPlace>> {
    let mut warnings = Vec::new();
    let places =
        expand_sources_with_warnings(Path::new(""), patterns, Retry::default(), &mut warnings);
    warnings.iter().for_each(|sentence| crate::say!("{}", printable(sentence)));
    places.map_err(|error| match error {
        ShardError::Remote { .. } => anyhow::Error::new(error),
        mistake => UsageError(mistake.to_string()).into(),
    })
}

/// A fault of a shard or of one of its samples.
#[derive(Debug, serde::Serialize)]
pub(super) struct Bad {
    /// The key of the faulty sample; `None` for a fault of the shard.
    pub(super) key: Option<String>,
    /// The code that faults are counted by.
    pub(super) code: &'static str,
    /// The fault as a sentence.
    pub(super) error: String,
}

impl Bad {
    /// From a fault found by the reader.
    pub(super) fn of(fault: ShardFault) -> Self {
        Self { code: fault.reason.code(), error: fault.reason.to_string(), key: fault.key }
    }

    /// From a sample without the requested member or label.
    pub(super) fn of_sample(sample: Sample, reason: &FaultReason) -> Self {
        Self { key: Some(sample.key), code: reason.code(), error: reason.to_string() }
    }
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bad: {}: {}", self.key.as_deref().unwrap_or("(no sample)"), self.error)
    }
}
