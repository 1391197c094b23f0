//! `coda-pipe completions`.

use super::exit::Exit;
use clap::{Args, Command};
use clap_complete::{Shell, generate};
use std::io::Write;

/// Where each shell looks for them.
const HELP: &str = "\
bash: coda-pipe completions bash > ~/.local/share/bash-completion/completions/coda-pipe
zsh:  coda-pipe completions zsh > \"${fpath[1]}/_coda-pipe\"
fish: coda-pipe completions fish > ~/.config/fish/completions/coda-pipe.fish";

/// Print a shell's completions of commands and options.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the completions of `program`.
    pub(super) fn run(self, mut program: Command) -> anyhow::Result<Exit> {
        let name = program.get_name().to_owned();
        // The writer can't be told of failures: a closed pipe is met below.
        let mut script = Vec::new();
        generate(self.shell, &mut program, &name, &mut script);
        let script = mended(&String::from_utf8_lossy(&script), &name);
        super::output::stdout().write_all(script.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// The script with one name for each command. For bash, clap_complete 4.6 writes the hyphen in a program's name as `__`
/// where a command is recognised and as `__subcmd__` where it is looked up, so that nothing below the program is found.
fn mended(script: &str, program: &str) -> String {
    script.replace(&program.replace('-', "__subcmd__"), &program.replace('-', "__"))
}
