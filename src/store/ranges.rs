//! Parts of files: of one in an object store only the asked bytes come to this machine.

use super::atomic::file_digest;
use super::error::StoreError;
use super::far::Far;
use super::run_dir::RunDir;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a file's end that come with the first request: most footers are shorter.
const TAIL: u64 = 64 << 10;
/// Bytes between two ranges that cost less than another request.
const GAP: u64 = 128 << 10;
/// Bytes of one request at most: several come at once.
const PIECE: u64 = 8 << 20;

/// A file of the run directory, of which ranges are read.
#[derive(Clone)]
pub struct RangeFile {
    path: PathBuf,
    bytes: u64,
    /// Where the file is not on this machine.
    remote: Option<Arc<Remote>>,
}

/// The object, and what has come of it.
struct Remote {
    run_dir: RunDir,
    name: String,
    held: Mutex<Vec<(u64, Bytes)>>,
    /// Why a read inside the Parquet library failed: it hands on no error but its own.
    failed: Mutex<Option<StoreError>>,
}

impl RunDir {
    /// A file whose ranges are to be read. Nothing of an object is brought yet, unless it lies in the scratch folder as
    /// its receipt says.
    ///
    /// # Errors
    /// If the file can't be examined, or there is none.
    pub fn open_ranges(&self, name: &str) -> Result<RangeFile, StoreError> {
        let path = self.path(name);
        match self.far() {
            Some(far) if !is_local(far, name, &path) => {
                let known = far.known().expected.get(name).map(|written| written.bytes);
                let length = || far.bucket.length(name).map_err(self.failed("examine", name));
                let bytes = known.map_or_else(length, |bytes| Ok(Some(bytes)))?;
                let none = || self.failed("read", name)(io::ErrorKind::NotFound.into());
                let (run_dir, name) = (self.clone(), name.to_owned());
                let remote = Remote { run_dir, name, held: Mutex::default(), failed: Mutex::default() };
                Ok(RangeFile { path, bytes: bytes.ok_or_else(none)?, remote: Some(Arc::new(remote)) })
            }
            _ => RangeFile::local(&path),
        }
    }
}

/// Whether the scratch folder has the file as its receipt says.
fn is_local(far: &Far, name: &str, path: &Path) -> bool {
    let expected = {
        let known = far.known();
        if known.whole.contains(name) {
            return true;
        }
        known.expected.get(name).cloned()
    };
    let Some(expected) = expected else { return false };
    let length = std::fs::metadata(path).map(|about| about.len());
    let same = length.is_ok_and(|length| length == expected.bytes)
        && file_digest(path).is_ok_and(|(_, xxh3)| xxh3 == expected.xxh3);
    if same {
        far.known().whole.insert(name.to_owned());
    }
    same
}

impl RangeFile {
    /// A file of this machine.
    ///
    /// # Errors
    /// If it can't be examined.
    pub fn local(path: &Path) -> Result<Self, StoreError> {
        let about = std::fs::metadata(path).map_err(StoreError::io("open", path))?;
        Ok(Self { path: path.to_owned(), bytes: about.len(), remote: None })
    }

    /// Where the file lies, or would.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its bytes come from an object store.
    pub fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// The same file with nothing of it in memory.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let remote = self.remote.as_ref().map(|remote| {
            let (run_dir, name) = (remote.run_dir.clone(), remote.name.clone());
            Arc::new(Remote { run_dir, name, held: Mutex::default(), failed: Mutex::default() })
        });
        Self { remote, ..self.clone() }
    }

    /// Brings the end of an object, where Parquet has its footer.
    ///
    /// # Errors
    /// If the object can't be read.
    pub fn bring_tail(&self) -> Result<(), StoreError> {
        self.bring(vec![self.bytes.saturating_sub(TAIL)..self.bytes])
    }

    /// Brings these ranges of an object, with as few requests as are sensible; of a local file there is nothing to bring.
    ///
    /// # Errors
    /// If the object can't be read.
    pub fn bring(&self, ranges: Vec<Range<u64>>) -> Result<(), StoreError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let ranges = requests(ranges);
        if ranges.is_empty() {
            return Ok(());
        }
        remote.get(&ranges).map(drop)
    }

    /// What to say of a failed read: the cause, where the Parquet library hid it.
    pub fn explain(&self, error: impl std::fmt::Display) -> StoreError {
        let cause = self.remote.as_ref().and_then(|remote| lock(&remote.failed).take());
        cause.unwrap_or_else(|| StoreError::table(&self.path)(error))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // A push or a take leaves nothing half done, so a poisoned lock is as good as a whole one.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remote {
    /// Brings ranges; the bytes of each.
    fn get(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError> {
        let failed = |error: io::Error| self.run_dir.failed("read", &self.name)(error);
        let Some(far) = self.run_dir.far() else { return Ok(Vec::new()) };
        let pieces: Vec<Range<u64>> = ranges.iter().flat_map(pieces).collect();
        let found = far.bucket.get_ranges(&self.name, &pieces).map_err(failed)?;
        let mut found = found.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?.into_iter();
        let whole = |range: &Range<u64>| {
            let own: Vec<Bytes> = found.by_ref().take(pieces_of(range)).collect();
            if let [one] = own.as_slice() { one.clone() } else { own.concat().into() }
        };
        let found: Vec<Bytes> = ranges.iter().map(whole).collect();
        let starts = ranges.iter().map(|range| range.start);
        lock(&self.held).extend(starts.zip(found.iter().cloned()));
        Ok(found)
    }

    /// The bytes from `start` on that have come, `least` of them or more.
    fn held(&self, start: u64, least: usize) -> Option<Bytes> {
        let held = lock(&self.held);
        held.iter().find_map(|(first, bytes)| {
            let from = usize::try_from(start.checked_sub(*first)?).ok()?;
            (from.checked_add(least)? <= bytes.len() && from < bytes.len())
                .then(|| bytes.slice(from..))
        })
    }

    fn read(&self, start: u64, least: usize, most: u64) -> ParquetResult<Bytes> {
        if let Some(bytes) = self.held(start, least) {
            return Ok(bytes);
        }
        let brought = self.get(std::slice::from_ref(&(start..most)));
        let brought = brought.map_err(|error| {
            let said = ParquetError::General(error.to_string());
            *lock(&self.failed) = Some(error);
            said
        })?;
        Ok(brought.into_iter().next().unwrap_or_default())
    }
}

fn pieces_of(range: &Range<u64>) -> usize {
    (range.end - range.start).div_ceil(PIECE) as usize
}

fn pieces(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = *range;
    (0..pieces_of(range) as u64).map(move |piece| {
        let first = start + piece * PIECE;
        first..end.min(first + PIECE)
    })
}

/// Ranges in order, near ones as one.
fn requests(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

impl Length for RangeFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for RangeFile {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        match &self.remote {
            None => Ok(Box::new(File::open(&self.path)?.get_read(start)?)),
            Some(remote) => {
                let most = self.bytes.min(start.saturating_add(TAIL));
                Ok(Box::new(remote.read(start, 1, most)?.reader()))
            }
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match &self.remote {
            None => File::open(&self.path)?.get_bytes(start, length),
            Some(remote) => {
                let bytes = remote.read(start, length, start.saturating_add(length as u64))?;
                let short = || ParquetError::EOF(format!("{length} bytes were expected at {start}"));
                if bytes.len() < length { Err(short()) } else { Ok(bytes.slice(..length)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_one_request_and_long_ones_come_in_pieces() {
        let near = vec![10..20, 0..5, 30 + GAP..40 + GAP, 20 + 2 * GAP + 21..2 * GAP + 50, 7..7];
        assert_eq!(requests(near), [0..20, 30 + GAP..40 + GAP, 2 * GAP + 41..2 * GAP + 50]);
        let long = 5..5 + 2 * PIECE + 1;
        let split: Vec<_> = pieces(&long).collect();
        assert_eq!(split, [5..5 + PIECE, 5 + PIECE..5 + 2 * PIECE, 5 + 2 * PIECE..6 + 2 * PIECE]);
        assert_eq!(pieces(&(3..3)).count(), 0);
    }
}
