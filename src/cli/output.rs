//! The standard output: its failures have their own error type, apart from those of other files and pipes.

use std::io::{Error, ErrorKind, IsTerminal, Result, StdoutLock, Write};

/// The reader of the standard output closed the pipe (`coda-pipe inspect x | head`).
#[derive(Debug, thiserror::Error)]
#[error("the reader of the standard output is gone")]
pub(crate) struct Unread;

/// The standard output, locked.
pub(crate) struct Stdout(StdoutLock<'static>);

/// The standard output, for data.
pub(crate) fn stdout() -> Stdout {
    Stdout(std::io::stdout().lock())
}

impl Stdout {
    /// Whether the output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }
}

impl Write for Stdout {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.0.write(buffer).map_err(of_output)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(of_output)
    }
}

fn of_output(error: Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Error::new(ErrorKind::BrokenPipe, Unread),
        // It is tried again by whoever wrote.
        ErrorKind::Interrupted => error,
        kind => Error::new(kind, format!("cannot write to the standard output: {error}")),
    }
}
