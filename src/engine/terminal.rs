//! The terminal of progress bars: output goes through the messages' writer, so that a stopped or closed terminal blocks
//! nothing.

use crate::messages;
use indicatif::TermLike;
use std::io::Result;
use std::sync::{Mutex, PoisonError};

/// What is drawn and not shown yet.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    drawn: Mutex<String>,
}

impl Terminal {
    fn add(&self, text: &str) -> Result<()> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    /// A control sequence with a count, of which none is no movement.
    fn go(&self, steps: usize, letter: char) -> Result<()> {
        if steps > 0 { self.add(&format!("\x1b[{steps}{letter}")) } else { Ok(()) }
    }
}

/// Columns and rows.
fn size() -> (u16, u16) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let known = size.ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or((80, 24), |size| (size.ws_col, size.ws_row))
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, s: &str) -> Result<()> {
        self.add(&format!("{s}\n"))
    }

    fn write_str(&self, s: &str) -> Result<()> {
        self.add(s)
    }

    fn clear_line(&self) -> Result<()> {
        self.add("\r\x1b[2K")
    }

    fn flush(&self) -> Result<()> {
        let drawn = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        if !drawn.is_empty() {
            messages::write(&drawn);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_shown_at_once_and_no_step_is_none() {
        let terminal = Terminal::default();
        terminal.move_cursor_up(0).unwrap();
        terminal.move_cursor_up(2).unwrap();
        terminal.clear_line().unwrap();
        terminal.write_line("a").unwrap();
        assert_eq!(*terminal.drawn.lock().unwrap(), "\x1b[2A\r\x1b[2Ka\n");
        terminal.flush().unwrap();
        assert!(terminal.drawn.lock().unwrap().is_empty());
    }
}
