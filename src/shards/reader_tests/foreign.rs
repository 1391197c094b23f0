//! Compressed shards, and files that are no tars.

use super::*;

#[test]
fn files_that_are_no_tars_are_named_by_what_they_are() {
    let long = |head: &[u8]| [head, &[b'x'; 2000]].concat();
    for (bytes, kind) in [
        (b"<!DOCTYPE html><html><body>Please log in</body></html>".to_vec(), "HTML"),
        (long(b"\n  <HTML lang=en>"), "HTML"),
        (long(b"PAR1"), "Parquet"),
        (long(b"PK\x03\x04"), "ZIP"),
        (b"{\"error\": \"Invalid credentials\"}".to_vec(), "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(), "git-lfs"),
        (long(b"\xfd7zXZ\0"), "xz"),
        (long(b"BZh9"), "bzip2"),
        (long(b"\x02\x21\x4c\x18"), "lz4"),
        (long(b"\xff\xd8\xff\xe0"), "an image"),
        (long(b"\x1f\x9d"), "(.Z)"),
    ] {
        let items = read(bytes);
        assert_eq!(outline(&items), ["!not_tar*"], "{kind}");
        assert!(items[0].as_ref().unwrap_err().to_string().contains(kind), "{items:?}");
    }
    // A name may begin like another kind of file.
    assert_eq!(outline(&read(tar_of(&[("PAR1.cls", b"1")]))), ["PAR1:cls"]);
    // And any other file cut off in its first block is just that.
    assert_eq!(outline(&read(vec![b'x'; 54])), ["!truncated*"]);
}

#[test]
fn corrupt_headers_and_foreign_files() {
    let mut tar = tar_of(&[("0.cls", b"1"), ("1.cls", b"1"), ("2.cls", b"1")]);
    tar[1024 + 5] ^= 1;
    assert_eq!(outline(&read(tar)), ["0!corrupt*"], "the next header is part of what 0 needs");
    let png = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![1; 2000]].concat();
    let items = read(png);
    assert!(items[0].as_ref().unwrap_err().to_string().contains("not a tar"));
    let items = read(b"BZh91AY&SY".to_vec());
    assert!(items[0].as_ref().unwrap_err().to_string().contains("bzip2"));
}

#[test]
fn compressed_shards_and_their_damage() {
    let body: Vec<u8> =
        (0..50_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let tar = tar_of(&[("0.png", &body), ("1.png", &body), ("2.png", b"2")]);
    let whole = zstd::encode_all(&tar[..], 3).unwrap();
    assert_eq!(outline(&read(whole.clone())), ["0:png", "1:png", "2:png"]);
    let items = read(whole[..whole.len() / 2].to_vec());
    assert_eq!(items.last().unwrap().as_ref().unwrap_err().reason.code(), "truncated");

    // What follows the stream is none of it: padding, or told with the right word.
    let frame = |d: &[u8]| zstd::encode_all(d, 3).unwrap();
    let tail = |bytes: &[u8]| outline(&read([frame(&tar), bytes.to_vec()].concat()));
    assert_eq!(tail(&[0; 9000]), ["0:png", "1:png", "2:png"]);
    assert_eq!(tail(b"some text"), ["0:png", "1:png", "2:png", "!trailing_garbage*"]);
    let early = [frame(&tar[..tar.len() / 2]), b"some text".to_vec()].concat();
    assert_eq!(outline(&read(early)).last().unwrap(), "1!corrupt*");

    let mut gz = flate2::read::GzEncoder::new(&tar[..], flate2::Compression::fast());
    let mut whole = Vec::new();
    gz.read_to_end(&mut whole).unwrap();
    let end = whole.len();
    whole[end - 6] ^= 0xff; // the checksum, behind the tar's end marker
    assert_eq!(outline(&read(whole)), ["0:png", "1:png", "2:png", "!corrupt*"]);
}
