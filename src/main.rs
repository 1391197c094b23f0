//! The `coda-pipe` program: parse, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    coda_pipe::cli::main()
}
