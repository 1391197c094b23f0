//! The commands: one file each. Progress and messages go to stderr, data to stdout.

mod audit;
mod color;
mod completions;
mod components;
mod demo;
mod discover;
mod doctor;
mod doctor_model;
mod evaluate;
mod exit;
mod export;
mod finished_run;
mod init;
mod init_names;
mod inspect;
mod man;
mod memory;
mod model;
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
mod whole_file;

use crate::engine::left_at_work;
use crate::panics;
use crate::threads;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use exit::Exit;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Distil a labelled image data set to a few images per class (CoDA, arXiv 2512.03844).
#[derive(Debug, Parser)]
#[command(name = "coda-pipe", version, about, after_help = exit::HELP)]
struct Cli {
    /// Colour help, errors and progress
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a small pipeline with data and a model, and run it
    Demo(demo::Demo),
    /// Look at a data set, and write a commented pipeline file and a class list for it
    Init(init::Init),
    /// Run a pipeline, or continue an interrupted run
    Run(run::Run),
    /// Estimate what a run takes before it starts: images, bytes, memory, time, and what may stop it
    Plan(plan::Plan),
    /// Generate one image, to try settings before a long run
    Sample(Box<sample::Sample>),
    /// Show the progress of a run
    Status(status::Status),
    /// Check every file of a run directory for damage
    Verify(verify::Verify),
    /// Check generated images for near-copies of real ones
    Audit(audit::Audit),
    /// Write a report of a run and its results as one HTML file
    Report(report::Report),
    /// Measure what a finished run's images are worth beside real ones: small classifiers, coverage, distances
    Evaluate(evaluate::Evaluate),
    /// Write a finished run's images as class folders, Parquet files or a Hugging Face data-set repository
    Export(export::Export),
    /// Measure how much a run's cores change with the seed and the settings of the search
    Stability(stability::Stability),
    /// Write a run as Slurm batch jobs, and submit the jobs
    Slurm(Box<slurm::Slurm>),
    /// Find the cores in any table of features, to try data and settings before a long run
    Discover(discover::Discover),
    /// Check ONNX Runtime, GPU, threads and disk, and name the remedy of each problem
    Doctor(doctor::Doctor),
    /// Fetch a model from the Hugging Face hub, or export one to ONNX
    Model(model::Model),
    /// Show what is in a file: a shard, a Parquet table, a receipt
    Inspect(inspect::Inspect),
    /// Pack, list, copy, index and check WebDataset shards
    Shards(shards::Shards),
    /// Print the reference of every setting, as Markdown
    Settings,
    /// Print a shell's completions of commands and options
    Completions(completions::Completions),
    /// Print the program's manual page, or write one page per command into a folder
    Man(man::Man),
}

impl Command {
    /// Whether the command needs a runtime, devices and models, whose threads come on top of the arithmetic threads.
    fn is_a_run(&self) -> bool {
        match self {
            Self::Demo(demo) => demo.is_a_run(),
            Self::Run(_)
            | Self::Plan(_)
            | Self::Audit(_)
            | Self::Report(_)
            | Self::Evaluate(_)
            | Self::Stability(_) => true,
            _ => false,
        }
    }

    /// The most arithmetic threads the command may use; commands that run on login nodes use few.
    fn most_threads(&self) -> usize {
        match self {
            Self::Status(_)
            | Self::Inspect(_)
            | Self::Settings
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Slurm(_)
            | Self::Doctor(_) => 4,
            _ => usize::MAX,
        }
    }
}

/// Makes a write beyond the limit of `ulimit -f` fail with an error that names the file; the default ends the program
/// silently.
#[allow(unsafe_code)]
fn fail_where_a_file_is_too_large() {
    // SAFETY: it is called before any other thread is there; to ignore a signal installs no handler that could run, and a
    // refusal changes nothing.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Reads the command line.
fn parse() -> Result<Cli, clap::Error> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut program = Cli::command().color(color::choice(&arguments));
    let mut matches = program.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut program))
}

/// Runs the program.
pub fn main() -> ExitCode {
    memory::share_pools();
    panics::hide_caught();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; printing may only fail on a closed pipe.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    color::apply(cli.color);
    fail_where_a_file_is_too_large();
    let started = threads::start_arithmetic(cli.command.most_threads(), cli.command.is_a_run());
    let result = match cli.command {
        _ if started.is_err() => started.map(|()| Exit::Failed).map_err(anyhow::Error::from),
        Command::Demo(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Sample(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Stability(command) => command.run(),
        Command::Slurm(command) => command.run(),
        Command::Discover(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Model(command) => command.run(),
        Command::Shards(command) => command.run(),
        Command::Settings => settings::run(),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
    };
    let exit = result.unwrap_or_else(|error| exit::report(&error));
    if left_at_work() {
        let _ = output::stdout().flush();
        signals::leave_with(exit);
    }
    exit.into()
}
