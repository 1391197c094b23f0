//! Any bytes as a shard: every item is read, faults come as promised, and how the bytes arrive makes no difference.

#![no_main]

use std::io::{Cursor, Read};

use coda_pipe::shards::{Fault, ReadOptions, Sample, ShardReader};
use libfuzzer_sys::fuzz_target;

const MAX_MEMBER_BYTES: u64 = 64 * 1024;
/// A zstd block of four bytes can stand for 128 KiB of zeros: what such inputs hold is not worth their time.
const MAX_INPUT_BYTES: usize = 16 * 1024;

/// A source that yields a few bytes at a time.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(7);
        self.0.read(&mut into[..end])
    }
}

fn items(source: impl Read + Send + 'static) -> Vec<Result<Sample, Fault>> {
    let options = ReadOptions { max_member_bytes: MAX_MEMBER_BYTES, ..ReadOptions::default() };
    let mut reader = ShardReader::from_reader("fuzz", source, options);
    let items: Vec<_> = reader.by_ref().collect();
    assert!(reader.next().is_none(), "an iterator that ended goes on");
    items
}

fn check(items: &[Result<Sample, Fault>]) {
    let fatal = |item: &Result<Sample, Fault>| item.as_ref().is_err_and(|fault| fault.fatal);
    if let Some(place) = items.iter().position(fatal) {
        assert_eq!(place + 1, items.len(), "a fatal fault is the last item");
    }
    let samples: Vec<&Sample> = items.iter().flatten().collect();
    for sample in &samples {
        assert!(!sample.key.is_empty());
        assert!(sample.members.iter().all(|m| m.bytes.len() as u64 <= MAX_MEMBER_BYTES));
    }
    for pair in samples.windows(2) {
        assert!(pair[0].index < pair[1].index && pair[0].offset < pair[1].offset);
        assert_ne!(pair[0].key, pair[1].key);
    }
    for fault in items.iter().filter_map(|item| item.as_ref().err()) {
        assert!(!fault.reason.is_io(), "bytes in memory do not fail: {fault}");
        assert!(!fault.to_string().is_empty());
    }
}

fuzz_target!(|data: &[u8]| {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let at_once = items(Cursor::new(data.to_vec()));
    check(&at_once);
    assert_eq!(at_once, items(Trickle(Cursor::new(data.to_vec()))));
});
