//! `coda-pipe settings`.

use super::exit::Exit;
use std::io::Write;

/// Prints the reference.
pub(crate) fn run() -> anyhow::Result<Exit> {
    super::output::stdout().write_all(crate::config::settings_reference().as_bytes())?;
    Ok(Exit::Done)
}
