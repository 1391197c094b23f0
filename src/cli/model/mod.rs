//! `coda-pipe model`: models of the Hugging Face hub.

mod fetch;

use super::exit::Exit;
use clap::{Args, Subcommand};

/// Fetch a model from the Hugging Face hub.
#[derive(Debug, Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a model's ONNX files into the hub's cache or a folder, check them, and print the folder
    Fetch(fetch::Fetch),
}

impl Model {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Fetch(command) => command.run(),
        }
    }
}
