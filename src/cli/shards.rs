//! `coda-pipe shards`.

use super::exit::Exit;
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
}

impl Shards {
    /// Does what is asked.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Pack(command) => command.run(),
        }
    }
}
