//! `coda-pipe model`: models on their way to a model folder.

mod export;
mod python_env;
mod recipe;

use super::exit::Exit;
use clap::{Args, Subcommand};

/// Export a model to ONNX.
#[derive(Debug, Args)]
pub(crate) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Export a diffusers model to ONNX with optimum, in a Python environment of its own, and check the result
    Export(export::Export),
}

impl Model {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Export(command) => command.run(),
        }
    }
}
