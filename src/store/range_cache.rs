//! Ranges of an object that were downloaded: which are there, which are missing.

use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Bytes between two wanted ranges that cost less than another request.
const MERGED: u64 = 64 << 10;
/// A longer range is downloaded in pieces of this length, several at once.
const PIECE: u64 = 8 << 20;
/// Bytes held of an object; what came first goes first.
const HELD: u64 = 256 << 20;

/// What is held of an object.
#[derive(Debug, Default)]
pub(super) struct RangeCache {
    /// By their start; none overlaps another.
    blocks: BTreeMap<u64, Bytes>,
    /// Their starts, the oldest first.
    order: VecDeque<u64>,
    bytes: u64,
}

impl RangeCache {
    /// The bytes of a range, if all of them are held.
    pub(super) fn get(&self, range: Range<u64>) -> Option<Bytes> {
        if range.is_empty() {
            return Some(Bytes::new());
        }
        let (start, block) = self.blocks.range(..=range.start).next_back()?;
        let end = start + block.len() as u64;
        if end >= range.end {
            return Some(block.slice((range.start - start) as usize..(range.end - start) as usize));
        }
        let mut joined = BytesMut::with_capacity((range.end - range.start) as usize);
        let mut at = range.start;
        while at < range.end {
            let (start, block) = self.blocks.range(..=at).next_back()?;
            let end = (start + block.len() as u64).min(range.end);
            if end <= at {
                return None;
            }
            joined.extend_from_slice(&block[(at - start) as usize..(end - start) as usize]);
            at = end;
        }
        Some(joined.freeze())
    }

    /// What of `wanted` is not held, in order: merged where little lies between, in pieces where long.
    pub(super) fn missing(&self, wanted: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        let mut wanted: Vec<Range<u64>> = wanted.filter(|range| !range.is_empty()).collect();
        wanted.sort_by_key(|range| range.start);
        let mut gaps: Vec<Range<u64>> = Vec::new();
        for range in wanted.into_iter().flat_map(|range| self.gaps(range)) {
            match gaps.last_mut() {
                Some(last)
                    if range.start <= last.end + MERGED && self.is_free(last.end, range.start) =>
                {
                    last.end = last.end.max(range.end);
                }
                _ => gaps.push(range),
            }
        }
        let pieces = gaps.into_iter().flat_map(|gap| {
            (gap.start..gap.end)
                .step_by(PIECE as usize)
                .map(move |start| start..gap.end.min(start + PIECE))
        });
        pieces.collect()
    }

    /// The parts of a range that are not held.
    fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let (mut at, mut gaps) = (range.start, Vec::new());
        let before = self.blocks.range(..=at).next_back();
        let inside = self.blocks.range(at.saturating_add(1)..range.end);
        for (&start, block) in before.into_iter().chain(inside) {
            if start > at {
                gaps.push(at..start);
            }
            at = at.max(start + block.len() as u64);
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        gaps
    }

    /// Whether nothing is held from `start` to `end`.
    fn is_free(&self, start: u64, end: u64) -> bool {
        start >= end || self.blocks.range(start..end).next().is_none()
    }

    /// Holds a block that was missing. Where another thread brought a part of the same meanwhile, the first one stays.
    pub(super) fn insert(&mut self, start: u64, content: Bytes) {
        for gap in self.gaps(start..start + content.len() as u64) {
            let block = content.slice((gap.start - start) as usize..(gap.end - start) as usize);
            self.bytes += block.len() as u64;
            self.order.push_back(gap.start);
            self.blocks.insert(gap.start, block);
        }
        while self.bytes > HELD && self.order.len() > 1 {
            let oldest = self.order.pop_front().and_then(|start| self.blocks.remove(&start));
            self.bytes -= oldest.map_or(0, |block| block.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(range: Range<u64>) -> Bytes {
        range.map(|at| at as u8).collect()
    }

    #[test]
    fn ranges_are_joined_across_blocks_and_absent_where_one_byte_is() {
        let mut cache = RangeCache::default();
        cache.insert(10, block(10..20));
        cache.insert(20, block(20..25));
        cache.insert(30, block(30..40));
        assert_eq!(cache.get(10..20).unwrap(), block(10..20));
        assert_eq!(cache.get(12..24).unwrap(), block(12..24));
        assert_eq!(cache.get(5..5).unwrap().len(), 0);
        for absent in [9..12, 24..26, 22..32, 39..41, 0..5] {
            assert_eq!(cache.get(absent.clone()), None, "{absent:?}");
        }
        // What is brought twice is held once.
        cache.insert(15, block(15..35));
        assert_eq!(cache.get(10..40).unwrap(), block(10..40));
        assert_eq!(cache.bytes, 30);
    }

    #[test]
    fn near_ranges_become_one_request_and_long_ones_several() {
        let cache = RangeCache::default();
        let near = [100..200, 200 + MERGED..300 + MERGED];
        assert_eq!(cache.missing(near.into_iter()), [100..300 + MERGED]);
        let far = [100..200, 201 + MERGED..300 + MERGED];
        assert_eq!(cache.missing(far.clone().into_iter()), far);
        let long = cache.missing([5..5 + 2 * PIECE + 1].into_iter());
        assert_eq!(long, [5..5 + PIECE, 5 + PIECE..5 + 2 * PIECE, 5 + 2 * PIECE..6 + 2 * PIECE]);
        let mut cache = RangeCache::default();
        cache.insert(150, block(150..160));
        assert_eq!(cache.missing([100..200].into_iter()), [100..150, 160..200]);
        assert!(cache.missing([152..158].into_iter()).is_empty());
    }

    #[test]
    fn what_came_first_goes_first() {
        let mut cache = RangeCache::default();
        let half = Bytes::from(vec![0; (HELD / 2) as usize]);
        for start in [0, HELD, 2 * HELD] {
            cache.insert(start, half.clone());
        }
        assert_eq!(cache.get(0..1), None);
        assert!(cache.get(HELD..HELD + 1).is_some() && cache.bytes == HELD);
    }
}
