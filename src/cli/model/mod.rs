//! `coda-pipe model`: models on their way to a model folder.

mod export;
mod fetch;
mod kinds;
mod parts_of_others;
mod python_env;
mod recipe;

use super::exit::Exit;
use clap::{Args, Subcommand};

/// Fetch a model from the Hugging Face hub, or export one to ONNX.
#[derive(Debug, Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a model's ONNX files into the hub's cache or a folder, check them, and print the folder
    Fetch(fetch::Fetch),
    /// Export a diffusers model to ONNX with optimum, in a Python environment of its own, and check the result
    Export(export::Export),
}

impl Model {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Fetch(command) => command.run(),
            Command::Export(command) => command.run(),
        }
    }
}
