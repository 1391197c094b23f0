//! Ranges of an object, all of one state of it.

use super::ranged::ReadRanges;
use crate::objects::Bucket;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// An object of known length.
pub(super) struct ObjectRanges {
    bucket: Bucket,
    name: String,
    length: u64,
    /// The ETag of the first answer.
    state: Mutex<Option<String>>,
}

impl ObjectRanges {
    pub(super) fn new(bucket: Bucket, name: &str, length: u64) -> Self {
        Self { bucket, name: name.to_owned(), length, state: Mutex::default() }
    }
}

impl ReadRanges for ObjectRanges {
    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let known = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (contents, state) = self.bucket.get_ranges(&self.name, ranges, self.length, known)?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(contents)
    }
}
