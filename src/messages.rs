//! Words to the user, on stderr. Saying something can't fail, end the program, or hold it up for long: stderr may be closed,
//! full, or a pipe that nobody reads.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Arguments;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// How long one message may wait for a reader. Where none came in that time, the next ones are not waited with.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// So many bytes fit into a pipe that has room at all.
const AT_ONCE: usize = 4096;

/// What is known of whoever reads.
#[derive(Debug, Default)]
struct Reader {
    /// It did not read in time.
    stands_still: bool,
    /// Messages left out since.
    left_out: u64,
}

static READER: Mutex<Reader> = Mutex::new(Reader { stands_still: false, left_out: 0 });

/// Says something, with a line's end. What can't be written is dropped.
#[macro_export]
macro_rules! say {
    ($($said:tt)*) => { $crate::messages::line(format_args!($($said)*)) };
}

/// As [`say!`](crate::say).
pub fn line(said: Arguments<'_>) {
    write(&format!("{said}\n"));
}

/// Writes a text as it is.
pub fn write(text: &str) {
    let mut reader = READER.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_ready(&mut reader) {
        return;
    }
    if reader.left_out > 0 {
        let left_out = std::mem::take(&mut reader.left_out);
        let _ = std::io::stderr()
            .write(format!("({left_out} messages left out: nobody read them)\n").as_bytes());
    }
    for piece in text.as_bytes().chunks(AT_ONCE) {
        // Closed, or full: there is nobody to tell.
        if !is_ready(&mut reader) || std::io::stderr().write_all(piece).is_err() {
            return;
        }
    }
}

/// Whether there is room for a piece; waits for it, once.
fn is_ready(reader: &mut Reader) -> bool {
    let stderr = std::io::stderr();
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    let patience = if reader.stands_still { Timespec { tv_sec: 0, tv_nsec: 0 } } else { PATIENCE };
    // What can't be asked, as little as a closed one, has nobody waiting for it: the write shows it.
    let ready = rustix::io::retry_on_intr(|| poll(&mut asked, Some(&patience)));
    let room = ready.map_or(true, |ready| ready > 0);
    reader.stands_still = !room;
    reader.left_out += u64::from(!room);
    room
}
