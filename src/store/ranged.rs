//! A file of the run directory that is read by ranges, wherever it lies.
//!
//! A file on this machine is read directly. An object is read by ranged requests: its last bytes, where Parquet has its
//! footer, once; what is announced by [`Ranged::prefetch`], in few requests at once; anything else when it is asked for.

use super::error::StoreError;
use super::range_cache::RangeCache;
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of an object that its first request brings: the footers of most Parquet files are shorter.
const TAIL: u64 = 64 << 10;
/// The shortest range that an object is asked for, but at its end.
const SHORTEST: u64 = 64 << 10;
/// What is read at once where a reader goes on and on, as for page headers.
const BUFFER: usize = 8 << 10;

/// Reads ranges of an object.
pub(super) trait ReadRanges: Send + Sync {
    /// The content of each range, in order. All lie inside the object.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>>;
}

/// A file of the run directory, read by ranges; clones share what was downloaded.
#[derive(Clone)]
pub struct Ranged {
    /// For messages.
    path: PathBuf,
    length: u64,
    source: Source,
    /// What the first read that failed said; Parquet's and Arrow's errors keep a text only.
    failure: Arc<Mutex<Option<(io::ErrorKind, String)>>>,
}

#[derive(Clone)]
enum Source {
    Local(Arc<File>),
    Object { object: Arc<dyn ReadRanges>, cache: Arc<Mutex<RangeCache>> },
}

impl std::fmt::Debug for Ranged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let local = matches!(self.source, Source::Local(_));
        f.debug_struct("Ranged")
            .field("path", &self.path)
            .field("length", &self.length)
            .field("local", &local)
            .finish()
    }
}

impl Ranged {
    /// The file at `path` on this machine.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn local(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let length = file.metadata().map_err(StoreError::io("examine", path))?.len();
        Ok(Self::new(path.to_owned(), length, Source::Local(Arc::new(file))))
    }

    /// An object of so many bytes, called `path` in messages.
    pub(super) fn object(path: PathBuf, length: u64, object: Arc<dyn ReadRanges>) -> Self {
        Self::new(path, length, Source::Object { object, cache: Arc::default() })
    }

    fn new(path: PathBuf, length: u64, source: Source) -> Self {
        Self { path, length, source, failure: Arc::default() }
    }

    /// What the file is called in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the bytes come from an object store.
    pub fn is_remote(&self) -> bool {
        matches!(self.source, Source::Object { .. })
    }

    /// The same file with nothing of it in memory.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let source = match &self.source {
            Source::Local(file) => Source::Local(file.clone()),
            Source::Object { object, .. } => {
                Source::Object { object: object.clone(), cache: Arc::default() }
            }
        };
        Self::new(self.path.clone(), self.length, source)
    }

    /// Downloads ranges that will be read, such as the column chunks of the wanted row groups: neighbours in one request,
    /// several requests at once. Nothing happens for a file on this machine.
    ///
    /// # Errors
    /// If the object store does not answer.
    pub fn prefetch(&self, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<(), StoreError> {
        let Source::Object { object, cache } = &self.source else { return Ok(()) };
        let inside = ranges.into_iter().map(|range| range.start..range.end.min(self.length));
        let missing = lock(cache).missing(inside);
        fetch(object.as_ref(), cache, &missing).map_err(StoreError::io("read", &self.path))
    }

    /// Downloads the end of an object, where Parquet has its footer.
    ///
    /// # Errors
    /// If the object store does not answer.
    pub fn prefetch_footer(&self) -> Result<(), StoreError> {
        self.prefetch([self.length.saturating_sub(TAIL)..self.length])
    }

    /// The bytes of a range.
    ///
    /// # Errors
    /// If the range can't be read, or does not lie inside the file.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read_at(range).map_err(StoreError::io("read", &self.path))
    }

    /// The cause of a failure of Parquet or Arrow at this file, whose errors keep a text only: the disk or the object
    /// store where a read failed, a damaged file otherwise.
    pub fn explain(&self, error: impl std::fmt::Display) -> StoreError {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match failure {
            Some((kind, said)) => StoreError::io("read", &self.path)(io::Error::new(kind, said)),
            None => StoreError::table(&self.path)(error),
        }
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.start > range.end || range.end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let read = match &self.source {
            Source::Local(file) => {
                let mut content = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut content, range.start).map(|()| content.into())
            }
            Source::Object { object, cache } => self.read_object(object.as_ref(), cache, range),
        };
        read.inspect_err(|error| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| (error.kind(), error.to_string()));
        })
    }

    fn read_object(
        &self,
        object: &dyn ReadRanges,
        cache: &Mutex<RangeCache>,
        range: Range<u64>,
    ) -> io::Result<Bytes> {
        if let Some(found) = lock(cache).get(range.clone()) {
            return Ok(found);
        }
        let tail = self.length.saturating_sub(TAIL);
        let wanted = match range.start >= tail {
            true => tail..self.length,
            false => range.start..range.end.max(range.start + SHORTEST).min(self.length),
        };
        let missing = lock(cache).missing([wanted].into_iter());
        fetch(object, cache, &missing)?;
        if let Some(found) = lock(cache).get(range.clone()) {
            return Ok(found);
        }
        // Longer than all that is held, or other threads have brought as much meanwhile.
        let mut found = object.read_ranges(std::slice::from_ref(&range))?;
        found.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Downloads ranges into the cache.
fn fetch(
    object: &dyn ReadRanges,
    cache: &Mutex<RangeCache>,
    ranges: &[Range<u64>],
) -> io::Result<()> {
    if ranges.is_empty() {
        return Ok(());
    }
    let contents = object.read_ranges(ranges)?;
    let mut cache = lock(cache);
    for (range, content) in ranges.iter().zip(contents) {
        cache.insert(range.start, content);
    }
    Ok(())
}

fn lock(cache: &Mutex<RangeCache>) -> std::sync::MutexGuard<'_, RangeCache> {
    // Each entry is whole in itself.
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Length for Ranged {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Ranged {
    type T = BufReader<RangedReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let reader = RangedReader { ranged: self.clone(), at: start };
        Ok(BufReader::with_capacity(BUFFER, reader))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        Ok(self.read_at(start..start.saturating_add(length as u64))?)
    }
}

/// Reads a [`Ranged`] from a position on.
#[derive(Debug)]
pub struct RangedReader {
    ranged: Ranged,
    at: u64,
}

impl Read for RangedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.ranged.length.saturating_sub(self.at);
        let taken = left.min(buffer.len() as u64);
        if taken == 0 {
            return Ok(0);
        }
        let content = self.ranged.read_at(self.at..self.at + taken)?;
        buffer[..content.len()].copy_from_slice(&content);
        self.at += taken;
        Ok(taken as usize)
    }
}

#[cfg(test)]
#[path = "ranged_tests.rs"]
mod tests;
