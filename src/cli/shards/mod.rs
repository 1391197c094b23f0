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

/// Work with WebDataset shards.
#[derive(Debug, Args)]
pub(crate) struct Shards {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn a folder of images, or a table of them, into shards
    Pack(Pack),
    /// List every sample as the pipeline sees it, the bad ones with their reason
    ///
    /// Samples go to stdout, totals to stderr. Exits with 0 if all is well, 1 if a sample is bad or a shard can't be
    /// read to its end, 2 if there is no such shard.
    Ls(Ls),
    /// Write the samples of shards as one tar on stdout, as the pipeline sees them
    ///
    /// What is bad is named on stderr and left out; exits with 1 if there was any. `… | tar -x` unpacks it.
    Cat(Cat),
    /// Write the index that DALI wants beside each tar and, if asked, a wids index over all
    ///
    /// Exits with 1 if a shard can't have one (compressed, remote, damaged); the others are done.
    Index(Index),
    /// Read every shard to its end, and if asked decode every image; say what is damaged
    ///
    /// Exits with 1 if anything is.
    Verify(Verify),
}

impl Shards {
    /// Does what is asked.
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

/// The shards that the arguments of a command stand for; what folders and globs passed over is said.
pub(super) fn places(patterns: &[String]) -> anyhow::Result<Vec<ShardPlace>> {
    let mut told = Vec::new();
    let places = expand_sources_with_warnings(Path::new(""), patterns, Retry::default(), &mut told);
    told.iter().for_each(|sentence| crate::say!("{}", printable(sentence)));
    places.map_err(|error| match error {
        ShardError::Remote { .. } => anyhow::Error::new(error),
        mistake => UsageError(mistake.to_string()).into(),
    })
}

/// Something wrong with a shard or with one of its samples.
#[derive(Debug, serde::Serialize)]
pub(super) struct Bad {
    /// The sample, where it is one's fault.
    pub(super) key: Option<String>,
    /// A word to count by.
    pub(super) code: &'static str,
    /// A sentence.
    pub(super) error: String,
}

impl Bad {
    /// Of a fault that the reader found.
    pub(super) fn of(fault: ShardFault) -> Self {
        Self { code: fault.reason.code(), error: fault.reason.to_string(), key: fault.key }
    }

    /// Of a sample that has not what was asked for.
    pub(super) fn of_sample(sample: Sample, reason: &FaultReason) -> Self {
        Self { key: Some(sample.key), code: reason.code(), error: reason.to_string() }
    }
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bad: {}: {}", self.key.as_deref().unwrap_or("(no sample)"), self.error)
    }
}
