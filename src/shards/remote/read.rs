//! An object as a `Read`, with a few ranges fetched ahead.

use std::io::{self, Cursor, Read};
use std::ops::Range;

use futures::StreamExt;
use tokio::sync::mpsc;

use super::fetch;
use crate::objects::{Network, Object, RemoteError};
use crate::shards::identity::ShardIdentity;
use crate::shards::retry::Retry;

/// The first range, small for those who want one sample of a shard; ranges double from there.
const FIRST_BYTES: u64 = 256 * 1024;
/// The largest range.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// Ranges under way at once. With the one that is being read and one between, a reader holds at most
/// this many and two of [`MOST_BYTES`].
const AHEAD: usize = 3;

/// Reads an object from one byte to another. Only for threads that may block.
#[derive(Debug)]
pub(in crate::shards) struct RemoteReader {
    ranges: mpsc::Receiver<Result<Vec<u8>, RemoteError>>,
    current: Cursor<Vec<u8>>,
    failed: Option<RemoteError>,
}

impl RemoteReader {
    /// Starts to fetch the bytes in `range` of the object that `known` describes.
    pub(super) fn start(
        network: &Network,
        object: Object,
        range: Range<u64>,
        known: ShardIdentity,
        retry: Retry,
    ) -> Self {
        let (sender, ranges) = mpsc::channel(1);
        network.spawn(async move {
            let wanted = ranges_of(range.start, range.end);
            let mut fetched = futures::stream::iter(wanted)
                .map(|range| fetch::range(&object, range, &known, retry))
                .buffered(AHEAD);
            loop {
                let next = tokio::select! {
                    next = fetched.next() => next,
                    () = sender.closed() => None,
                };
                let Some(range) = next else { return };
                let failed = range.is_err();
                if sender.send(range).await.is_err() || failed {
                    return;
                }
            }
        });
        Self { ranges, current: Cursor::default(), failed: None }
    }
}

impl Read for RemoteReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(error) = &self.failed {
                return Err(error.clone().into());
            }
            let read = self.current.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.ranges.blocking_recv() {
                Some(Ok(range)) => self.current = Cursor::new(range),
                Some(Err(error)) => self.failed = Some(error),
                None => return Ok(0),
            }
        }
    }
}

/// The ranges that cover `offset..size`.
fn ranges_of(offset: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    let mut length = FIRST_BYTES;
    let mut start = offset;
    std::iter::from_fn(move || {
        if start >= size {
            return None;
        }
        let range = start..size.min(start.saturating_add(length));
        start = range.end;
        length = (2 * length).min(MOST_BYTES);
        Some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once_and_grow() {
        for (offset, size) in [(0, 0), (5, 3), (0, 1), (7, 40 << 20), (0, FIRST_BYTES)] {
            let ranges: Vec<_> = ranges_of(offset, size).collect();
            let mut at = offset;
            for range in &ranges {
                assert_eq!(range.start, at);
                assert!(range.end > at && range.end - at <= MOST_BYTES);
                at = range.end;
            }
            assert_eq!(at, size.max(offset));
        }
        let lengths: Vec<u64> = ranges_of(0, 20 << 20).map(|r| (r.end - r.start) >> 18).collect();
        assert_eq!(lengths[..6], [1, 2, 4, 8, 16, 16]);
    }
}
