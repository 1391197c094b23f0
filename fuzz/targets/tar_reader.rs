//! Any bytes as a shard: every item is read, faults come as promised, and how the bytes arrive makes no difference: at
//! once, in drops, or from a file in which what is not wanted is passed over by seeking.
//!
//! Blocks of an uncompressed input that look like headers get the right checksum: no mutation would hit it by chance.

#![no_main]

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use coda_pipe::shards::{Compression, ShardFault, ReadOptions, Sample, ShardReader};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

const MAX_MEMBER_BYTES: u64 = 64 * 1024;
/// A zstd block of four bytes can stand for 128 KiB of zeros: what such inputs hold is not worth their time.
const MAX_INPUT_BYTES: usize = 16 * 1024;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// A source that yields a few bytes at a time.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(7);
        self.0.read(&mut into[..end])
    }
}

fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut repaired = data.to_vec();
    for block in repaired.as_chunks_mut::<512>().0 {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    repaired
}

fn options(extensions: Option<&str>) -> ReadOptions {
    ReadOptions {
        max_member_bytes: MAX_MEMBER_BYTES,
        extensions: extensions.map(|one| vec![one.to_owned()]),
        ..ReadOptions::default()
    }
}

fn items(mut reader: ShardReader) -> Vec<Result<Sample, ShardFault>> {
    let items: Vec<_> = reader.by_ref().collect();
    assert!(reader.next().is_none(), "an iterator that ended goes on");
    items
}

/// A decompressor may find damage sooner or later, by how much it is given at once; what it makes of the rest may not vary.
fn agree(data: &[u8], one: &[Result<Sample, ShardFault>], other: &[Result<Sample, ShardFault>]) {
    let cut = |items: &[Result<Sample, ShardFault>]| items.last().is_some_and(|last| last.is_err());
    if Compression::of_magic(data).is_ok_and(|kind| kind == Compression::Plain) || !cut(one) {
        assert_eq!(one, other);
    } else {
        let common = one.len().min(other.len()).saturating_sub(1);
        assert_eq!(one[..common], other[..common]);
    }
}

fn check(items: &[Result<Sample, ShardFault>]) {
    let fatal = |item: &Result<Sample, ShardFault>| item.as_ref().is_err_and(|fault| fault.fatal);
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
    let data = &with_checksums(data);
    let path = FOLDER.path().join("shard");
    std::fs::write(&path, data).unwrap();
    for extensions in [None, Some("cls")] {
        let at_once = Cursor::new(data.to_vec());
        let at_once = ShardReader::from_reader(path.clone(), at_once, options(extensions));
        let at_once = items(at_once);
        check(&at_once);
        let drops = Trickle(Cursor::new(data.to_vec()));
        let drops = ShardReader::from_reader(path.clone(), drops, options(extensions));
        agree(data, &at_once, &items(drops));
        let file = ShardReader::open(&path, options(extensions)).unwrap();
        agree(data, &at_once, &items(file));
    }
});
