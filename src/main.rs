//! The `coda-pipe` program: parse, dispatch, exit code.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
