//! A column chunk, or several small ones side by side, as a stream that can be looked at before it is read.

use bytes::Bytes;
use std::io::{self, Read};
use std::ops::Range;

/// Opens a range of the file as a stream of its bytes.
pub(super) type Opener = Box<dyn Fn(Range<u64>) -> io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// Chunks up to this length are read together with their neighbours, up to the second length.
const SMALL: (u64, u64) = (512 * 1024, 1 << 20);
/// What may lie between neighbours.
const GAP: u64 = 64 * 1024;
/// Passed over by reading; what is further away is asked for anew.
const PASSED_OVER: u64 = 1 << 20;
/// Held of what was looked at and not read.
const PEEKED: usize = 64 * 1024;

/// A range of the file that is read from its start to its end.
pub(super) struct Window {
    range: Range<u64>,
    /// The row group of the last chunk in it.
    group: usize,
    /// Whether it is held whole.
    whole: bool,
    stream: Option<Stream>,
}

/// What is open of a window.
struct Stream {
    source: Box<dyn Read + Send>,
    /// Where the first byte of `ahead` lies in the file.
    at: u64,
    /// Bytes that were read of `source` and may be asked for again.
    ahead: Vec<u8>,
}

impl Window {
    /// Windows over these chunks of row groups, which are in the file's order.
    pub(super) fn over(chunks: impl Iterator<Item = (usize, Range<u64>)>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (group, chunk) in chunks {
            let small = chunk.end - chunk.start <= SMALL.0;
            let joined = all.last_mut().filter(|last| {
                let near = chunk.start >= last.range.end && chunk.start - last.range.end <= GAP;
                small && last.whole && near && chunk.end - last.range.start <= SMALL.1
            });
            match joined {
                Some(last) => (last.group, last.range.end) = (group, chunk.end),
                None => all.push(Self { range: chunk, group, whole: small, stream: None }),
            }
        }
        all
    }

    pub(super) fn holds(&self, at: u64) -> bool {
        self.range.contains(&at)
    }

    pub(super) fn group(&self) -> usize {
        self.group
    }

    pub(super) fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Asks for its bytes, which come as they are read.
    pub(super) fn open(&mut self, open: &Opener) -> io::Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.stream_from(self.range.start, open)?);
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    fn stream_from(&self, at: u64, open: &Opener) -> io::Result<Stream> {
        Ok(Stream { source: open(at..self.range.end)?, at, ahead: Vec::new() })
    }

    /// The stream, so that the next byte in it is the one at `at`, which is in the window.
    fn stream_at(&mut self, at: u64, open: &Opener) -> io::Result<&mut Stream> {
        let near = |stream: &Stream| {
            let next = stream.at + stream.ahead.len() as u64;
            (stream.at..=next + PASSED_OVER).contains(&at)
        };
        let whole = self.whole;
        let stream = match self.stream.take().filter(near) {
            Some(stream) => stream,
            None => self.stream_from(if whole { self.range.start } else { at }, open)?,
        };
        let length = self.bytes() as usize;
        let stream = self.stream.insert(stream);
        if whole {
            stream.fill(length)?;
        } else {
            stream.pass_over_to(at)?;
        }
        Ok(stream)
    }

    /// Copies bytes from `at` on, which stay to be read.
    pub(super) fn peek(&mut self, at: u64, into: &mut [u8], open: &Opener) -> io::Result<usize> {
        let left = (self.range.end - at).min(into.len() as u64) as usize;
        let stream = self.stream_at(at, open)?;
        let from = (at - stream.at) as usize;
        stream.fill(from + left)?;
        let held = stream.ahead.get(from..from + left).unwrap_or_default();
        into[..held.len()].copy_from_slice(held);
        Ok(held.len())
    }

    /// The bytes from `at` on, which may be beyond the window's end.
    pub(super) fn take(&mut self, at: u64, length: usize, open: &Opener) -> io::Result<Bytes> {
        if at + length as u64 > self.range.end {
            let mut bytes = Vec::new();
            open(at..at + length as u64)?.read_to_end(&mut bytes)?;
            return whole(bytes, length);
        }
        let keep = self.whole;
        let stream = self.stream_at(at, open)?;
        let from = (at - stream.at) as usize;
        let held = stream.ahead.get(from..).unwrap_or_default();
        let held = held.get(..length).unwrap_or(held);
        if keep || held.len() == length {
            return whole(held.to_vec(), length);
        }
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(held);
        let rest = (length - bytes.len()) as u64;
        stream.source.by_ref().take(rest).read_to_end(&mut bytes)?;
        (stream.at, stream.ahead) = (at + bytes.len() as u64, Vec::new());
        whole(bytes, length)
    }
}

impl Stream {
    /// Reads until so many bytes are held, if there are as many.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        let missing = count.saturating_sub(self.ahead.len()) as u64;
        if missing > 0 {
            self.source.by_ref().take(missing).read_to_end(&mut self.ahead)?;
        }
        Ok(())
    }

    /// Drops what lies before `at`, where more is held than may be asked for again.
    fn pass_over_to(&mut self, at: u64) -> io::Result<()> {
        let next = self.at + self.ahead.len() as u64;
        if at > next {
            io::copy(&mut self.source.by_ref().take(at - next), &mut io::sink())?;
            (self.at, self.ahead) = (at, Vec::new());
        } else if self.ahead.len() > PEEKED {
            self.ahead.drain(..(at - self.at) as usize);
            self.at = at;
        }
        Ok(())
    }
}

fn whole(bytes: Vec<u8>, length: usize) -> io::Result<Bytes> {
    if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn file(bytes: &[u8]) -> (Opener, Arc<AtomicUsize>) {
        let (bytes, opened) = (bytes.to_vec(), Arc::new(AtomicUsize::new(0)));
        let count = opened.clone();
        let open: Opener = Box::new(move |range| {
            count.fetch_add(1, Ordering::Relaxed);
            let part = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
            Ok(Box::new(io::Cursor::new(part.to_vec())))
        });
        (open, opened)
    }

    #[test]
    fn small_neighbours_come_in_one_piece_and_large_ones_alone() {
        let windows = Window::over(
            [(0, 0..10), (0, 12..50), (0, 50..(2 << 20)), (1, (2 << 20)..(2 << 20) + 5)]
                .into_iter(),
        );
        let ranges: Vec<_> = windows.iter().map(|window| window.range.clone()).collect();
        assert_eq!(ranges, [0..50, 50..(2 << 20), (2 << 20)..(2 << 20) + 5]);
    }

    #[test]
    fn pages_are_looked_at_and_read_over_one_stream() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let (open, opened) = file(&bytes);
        let mut window = Window::over([(0, 1000..2_900_000)].into_iter()).remove(0);
        let mut at = 1000;
        while at + 90_000 < 2_900_000 {
            let mut head = [0; 100];
            assert_eq!(window.peek(at, &mut head, &open).unwrap(), 100);
            assert_eq!(head, bytes[at as usize..][..100]);
            let body = window.take(at + 20, 80_000, &open).unwrap();
            assert_eq!(body, bytes[at as usize + 20..][..80_000]);
            // A page that nobody wants.
            at += 90_000;
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
        assert_eq!(window.take(1000, 9, &open).unwrap(), bytes[1000..1009]);
        assert_eq!(opened.load(Ordering::Relaxed), 2, "back to the start");
        let beyond = window.take(2_899_990, 20, &open).unwrap();
        assert_eq!(beyond, bytes[2_899_990..2_900_010]);
        assert!(window.take(2_999_990, 20, &open).is_err());
    }
}
