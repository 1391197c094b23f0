//! Messages to the user on stderr. A message never fails, ends the program or blocks for long: stderr may be closed, full, or a
//! pipe without a reader.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Arguments;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// The longest wait of a message for a reader. After a wait without a reader, later messages do not wait.
const READER_TIMEOUT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Bytes that fit into a pipe that has room at all.
const PIECE_BYTES: usize = 4096;

/// The state of the reader of stderr.
#[derive(Debug, Default)]
struct Reader {
    /// Whether the reader did not read in time.
    stalled: bool,
    /// Messages dropped since.
    dropped: u64,
}

static READER: Mutex<Reader> = Mutex::new(Reader { stalled: false, dropped: 0 });

/// Writes a message and a line end to stderr. Messages that can't be written are dropped.
#[macro_export]
macro_rules! say {
    ($($message:tt)*) => { $crate::messages::line(format_args!($($message)*)) };
}

/// As [`say!`](crate::say).
pub fn line(message: Arguments<'_>) {
    write(&format!("{message}\n"));
}

/// Writes a text as it is.
pub fn write(text: &str) {
    let mut reader = READER.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_ready(&mut reader) {
        return;
    }
    if reader.dropped > 0 {
        let dropped = std::mem::take(&mut reader.dropped);
        let _ = std::io::stderr()
            .write(format!("({dropped} messages dropped: stderr had no reader)\n").as_bytes());
    }
    for piece in text.as_bytes().chunks(PIECE_BYTES) {
        // Stderr is closed or full.
        if !is_ready(&mut reader) || std::io::stderr().write_all(piece).is_err() {
            return;
        }
    }
}

/// Whether there is room for a piece; waits once for room.
fn is_ready(reader: &mut Reader) -> bool {
    let stderr = std::io::stderr();
    let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
    let timeout = if reader.stalled { Timespec { tv_sec: 0, tv_nsec: 0 } } else { READER_TIMEOUT };
    // A failed poll counts as room: the write shows the error.
    let ready = rustix::io::retry_on_intr(|| poll(&mut polled, Some(&timeout)));
    let room = ready.map_or(true, |ready| ready > 0);
    reader.stalled = !room;
    reader.dropped += u64::from(!room);
    room
}
