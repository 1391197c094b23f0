//! The commands: one file each. Progress and messages go to stderr, data to stdout.

mod audit;
mod discover;
mod doctor;
mod doctor_model;
mod evaluate;
mod exit;
mod finished_run;
mod folders;
mod inspect;
mod memory;
mod open_run;
mod output;
mod partition;
mod plan;
mod plan_workers;
mod printable;
mod report;
mod run;
mod run_dir_lock;
mod run_summary;
mod sample;
mod sample_files;
mod settings;
mod shards;
mod signals;
mod slurm;
mod slurm_request;
mod slurm_submit;
mod stability;
mod status;
mod status_workers;
mod verify;

use crate::engine::left_at_work;
use crate::threads;
use clap::{Parser, Subcommand};
use exit::Exit;
use std::io::Write;
use std::process::ExitCode;

/// Distil a labelled image data set to a few images per class (CoDA, arXiv 2512.03844).
#[derive(Debug, Parser)]
#[command(name = "coda-pipe", version, about, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pipeline, or go on with an interrupted run
    Run(run::Run),
    /// Say what a run will take before it starts: images, bytes, memory, time, and what may stop it
    Plan(plan::Plan),
    /// Make one image, to try settings before a long run
    Sample(Box<sample::Sample>),
    /// Say what a run directory has done so far
    Status(status::Status),
    /// Read every file of a run directory and say what is damaged
    Verify(verify::Verify),
    /// Hold every generated image of a run against all real ones, and flag copies
    Audit(audit::Audit),
    /// Write what a run did, and how it came out, as one HTML file
    Report(report::Report),
    /// Say what a finished run's images are worth, beside real ones: small classifiers, coverage, distances
    Evaluate(evaluate::Evaluate),
    /// Say how much a run's cores change with the seed and the settings of the search
    Stability(stability::Stability),
    /// Write a run as Slurm batch jobs, and submit them
    Slurm(Box<slurm::Slurm>),
    /// Find the cores in any table of features: try data and settings before a long run
    Discover(discover::Discover),
    /// Say what was found of ONNX Runtime, GPU, threads and disk, and what to do about it
    Doctor(doctor::Doctor),
    /// Say what is in a file: a shard, a Parquet table, a receipt
    Inspect(inspect::Inspect),
    /// Work with WebDataset shards: pack images into them, list what is in them
    Shards(shards::Shards),
    /// Print the reference of every setting, as Markdown
    Settings,
}

impl Command {
    /// Whether it takes a runtime, device and models, whose threads need room beside those of the arithmetic.
    fn is_a_run(&self) -> bool {
        matches!(
            self,
            Self::Run(_)
                | Self::Plan(_)
                | Self::Audit(_)
                | Self::Report(_)
                | Self::Evaluate(_)
                | Self::Stability(_)
        )
    }

    /// How many threads of arithmetic it can use: on a login node, a look at a run is to take few.
    fn most_threads(&self) -> usize {
        match self {
            Self::Status(_)
            | Self::Inspect(_)
            | Self::Settings
            | Self::Slurm(_)
            | Self::Doctor(_) => 4,
            _ => usize::MAX,
        }
    }
}

/// Has a write beyond the limit of `ulimit -f` fail, which names the file, in place of ending the program without a word.
#[allow(unsafe_code)]
fn fail_where_a_file_is_too_large() {
    // SAFETY: it is called before any other thread is there; to ignore a signal installs no handler that could run, and a
    // refusal changes nothing.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Runs the program.
pub fn main() -> ExitCode {
    memory::share_pools();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; printing may only fail on a closed pipe.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    fail_where_a_file_is_too_large();
    let started = threads::start_arithmetic(cli.command.most_threads(), cli.command.is_a_run());
    let result = match cli.command {
        _ if started.is_err() => started.map(|()| Exit::Failed).map_err(anyhow::Error::from),
        Command::Run(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Sample(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Stability(command) => command.run(),
        Command::Slurm(command) => command.run(),
        Command::Discover(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Shards(command) => command.run(),
        Command::Settings => settings::run(),
    };
    let exit = result.unwrap_or_else(|error| exit::report(&error));
    if left_at_work() {
        let _ = output::stdout().flush();
        signals::leave_with(exit);
    }
    exit.into()
}
