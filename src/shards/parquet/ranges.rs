//! A Parquet file's bytes, wherever it lies, for the library that decodes it.
//!
//! Column chunks are read as streams, from their start to their end, so that what a server sends ahead is used and no page
//! costs a request; those that are small and next to each other come in one piece. The file's end, where its table of
//! contents is, is held.

use super::window::{Opener, Window};
use crate::shards::fault::FaultReason;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Held of the file's end.
const TAIL_BYTES: u64 = 128 * 1024;
/// Read at once for what is asked for beside the planned chunks.
const HEADER_BYTES: usize = 8 * 1024;

/// The file, and the column chunks that are about to be read. Clones share all but these.
#[derive(Clone)]
pub(super) struct Ranges {
    file: Arc<File>,
    windows: Arc<Mutex<Windows>>,
}

struct File {
    open: Opener,
    bytes: u64,
    tail: Bytes,
    /// What the storage failed with, which the library's errors don't keep.
    failed: Mutex<Option<FaultReason>>,
}

#[derive(Default)]
struct Windows {
    all: Vec<Window>,
    /// Windows before this one are closed.
    first: usize,
}

impl Ranges {
    /// The file of so many bytes behind `open`.
    ///
    /// # Errors
    /// If its end can't be read.
    pub(super) fn new(open: Opener, bytes: u64) -> io::Result<Self> {
        let start = bytes.saturating_sub(TAIL_BYTES);
        let mut tail = Vec::new();
        open(start..bytes)?.read_to_end(&mut tail)?;
        if tail.len() as u64 != bytes - start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let file = File { open, bytes, tail: tail.into(), failed: Mutex::default() };
        Ok(Self { file: Arc::new(file), windows: Arc::default() })
    }

    /// The last bytes of the file, and those of its table of contents if that is short.
    pub(super) fn tail(&self) -> &[u8] {
        &self.file.tail
    }

    /// The same file, of which these column chunks, each with its row group, are read next.
    pub(super) fn with_chunks(&self, mut chunks: Vec<(usize, Range<u64>)>) -> Self {
        chunks.retain(|(_, chunk)| chunk.start < chunk.end && chunk.end <= self.file.bytes);
        chunks.sort_by_key(|(_, chunk)| chunk.start);
        let all = Window::over(chunks.into_iter());
        Self { file: self.file.clone(), windows: Arc::new(Mutex::new(Windows { all, first: 0 })) }
    }

    /// What the storage failed with, if it did.
    pub(super) fn failure(&self) -> Option<FaultReason> {
        locked(&self.file.failed).clone()
    }

    /// Bytes from `at` on, at most as many as fit and at least one.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.file.bytes.saturating_sub(at)).min(into.len() as u64) as usize;
        let into = &mut into[..wanted];
        if wanted == 0 {
            return Ok(0);
        }
        if let Some(held) = self.held(at) {
            let count = held.len().min(wanted);
            into[..count].copy_from_slice(&held[..count]);
            return Ok(count);
        }
        let mut windows = locked(&self.windows);
        let read = match windows.at(at, &self.file.open) {
            Some(window) => window?.peek(at, into, &self.file.open),
            None => {
                (self.file.open)(at..at + wanted as u64).and_then(|mut source| source.read(into))
            }
        };
        self.noted(read)
    }

    fn bytes_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        if let Some(held) = self.held(at).filter(|held| held.len() >= length) {
            return Ok(held.slice(..length));
        }
        let mut windows = locked(&self.windows);
        let read = match windows.at(at, &self.file.open) {
            Some(window) => window?.take(at, length, &self.file.open),
            None => {
                let mut bytes = Vec::with_capacity(length);
                let source = (self.file.open)(at..at + length as u64);
                source.and_then(|mut source| source.read_to_end(&mut bytes)).map(|_| bytes.into())
            }
        };
        self.noted(read)
    }

    /// What is held of the file from `at` on.
    fn held(&self, at: u64) -> Option<Bytes> {
        let start = self.file.bytes - self.file.tail.len() as u64;
        let from = usize::try_from(at.checked_sub(start)?).ok()?;
        (from < self.file.tail.len()).then(|| self.file.tail.slice(from..))
    }

    fn noted<T>(&self, read: io::Result<T>) -> io::Result<T> {
        read.inspect_err(|error| {
            let reason = FaultReason::ReadFailed { kind: error.kind(), message: error.to_string() };
            locked(&self.file.failed).get_or_insert(reason);
        })
    }
}

impl Windows {
    /// The window that `at` is in, opened; those before are closed, and those next to come are asked for.
    fn at(&mut self, at: u64, open: &Opener) -> Option<io::Result<&mut Window>> {
        /// Asked for ahead, in bytes and in windows.
        const AHEAD: (u64, usize) = (4 << 20, 16);
        let place = self.all.iter().skip(self.first).position(|window| window.holds(at));
        let place = match place {
            Some(place) => place + self.first,
            None => self.all.iter().position(|window| window.holds(at))?,
        };
        let group = self.all[place].group();
        while self.first < place && self.all[self.first].group() < group {
            self.all[self.first].close();
            self.first += 1;
        }
        self.first = self.first.min(place);
        let mut ahead = 0;
        for window in self.all.iter_mut().skip(place).take(AHEAD.1) {
            if let Err(error) = window.open(open) {
                return Some(Err(error));
            }
            ahead += window.bytes();
            if ahead > AHEAD.0 {
                break;
            }
        }
        Some(Ok(&mut self.all[place]))
    }
}

impl Length for Ranges {
    fn len(&self) -> u64 {
        self.file.bytes
    }
}

impl ChunkReader for Ranges {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::with_capacity(HEADER_BYTES, From { ranges: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.file.bytes);
        if end.is_none() {
            let problem = format!("{length} bytes at {start} are beyond the end of the file");
            return Err(ParquetError::EOF(problem));
        }
        Ok(self.bytes_at(start, length)?)
    }
}

/// The file from a byte on.
pub(super) struct From {
    ranges: Ranges,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.ranges.read_at(self.at, into)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
