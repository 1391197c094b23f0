//! `coda-pipe man`.

use super::exit::Exit;
use super::whole_file::write_whole;
use clap::{Args, Command};
use clap_mangen::Man as Page;
use std::io::Write;
use std::path::PathBuf;

/// How pages are read and installed.
const HELP: &str = "\
read:    coda-pipe man | man -l -
install: coda-pipe man ~/.local/share/man/man1";

/// Print the program's manual page, or write one page per command into a folder.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Man {
    /// The folder for the pages coda-pipe.1, coda-pipe-run.1, …
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    /// Prints or writes the pages of `program`.
    pub(super) fn run(self, mut program: Command) -> anyhow::Result<Exit> {
        // Gives every command its full name.
        program.build();
        let Some(folder) = self.folder else {
            super::output::stdout().write_all(&page(&program)?)?;
            return Ok(Exit::Done);
        };
        let mut commands = Vec::new();
        collect(&program, &mut commands);
        for command in &commands {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name());
            write_whole(&folder.join(format!("{name}.1")), &page(command)?)?;
        }
        crate::say!("{} manual pages in {}", commands.len(), folder.display());
        Ok(Exit::Done)
    }
}

/// `command` and the commands below, without `help`, which repeats them.
fn collect<'a>(command: &'a Command, found: &mut Vec<&'a Command>) {
    found.push(command);
    let below = command.get_subcommands();
    below.filter(|c| !c.is_hide_set() && c.get_name() != "help").for_each(|c| collect(c, found));
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Page::new(command.clone()).render(&mut text)?;
    Ok(text)
}
