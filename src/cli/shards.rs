//! `coda-pipe shards`.

use super::exit::Exit;
use super::shards_ls::Ls;
use super::shards_pack::Pack;
use clap::{Args, Subcommand};

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
}

impl Shards {
    /// Does what is asked.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Pack(command) => command.run(),
            Command::Ls(command) => command.run(),
        }
    }
}
