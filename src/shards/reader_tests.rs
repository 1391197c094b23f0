use std::io::{self, Cursor};
use std::path::Path;

use super::*;

/// Writes a tar of (name, content) with the `tar` crate, which also makes GNU long names.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn read_with(tar: Vec<u8>, options: ReadOptions) -> Vec<Result<Sample, Fault>> {
    ShardReader::from_reader("t.tar", Cursor::new(tar), options).collect()
}

fn read(tar: Vec<u8>) -> Vec<Result<Sample, Fault>> {
    read_with(tar, ReadOptions::default())
}

/// A short form of the items: keys with their extensions, or `key!code`, `*` for fatal.
fn outline(items: &[Result<Sample, Fault>]) -> Vec<String> {
    let line = |item: &Result<Sample, Fault>| match item {
        Ok(s) => {
            let extensions: Vec<_> = s.members.iter().map(|m| m.extension.as_str()).collect();
            format!("{}:{}", s.key, extensions.join(","))
        }
        Err(f) => format!(
            "{}!{}{}",
            f.key.as_deref().unwrap_or(""),
            f.reason.code(),
            if f.fatal { "*" } else { "" }
        ),
    };
    items.iter().map(line).collect()
}

#[test]
fn groups_consecutive_members_and_skips_what_is_none() {
    let tar = tar_of(&[
        ("__info__", b"x"),
        ("a/0.JPG", b"img"),
        ("a/._0.jpg", b"mac"),
        ("a/0.seg.png", b""),
        ("README", b"no"),
        ("a/0.cls", b"3"),
        ("b/0.jpg", b"other"),
    ]);
    let items = read(tar);
    assert_eq!(outline(&items), ["a/0:jpg,seg.png,cls", "b/0:jpg"]);
    let first = items[0].as_ref().unwrap();
    assert_eq!(first.get("jpg"), Some(&b"img"[..]));
    assert_eq!((first.index, first.offset), (0, 1024));
    assert_eq!(items[1].as_ref().unwrap().index, 1);
}

#[test]
fn only_wanted_members_are_loaded() {
    let tar = tar_of(&[("0.jpg", b"i"), ("0.json", b"{}"), ("0.cls", b"1"), ("1.txt", b"t")]);
    let extensions = Some(vec!["jpg".to_owned(), "cls".to_owned()]);
    let options = ReadOptions { extensions, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar, options)), ["0:jpg,cls", "1:"]);
}

#[test]
fn sample_faults_do_not_stop_the_shard() {
    let big = vec![0u8; 5000];
    let tar = tar_of(&[
        ("0.cls", b"1"),
        ("1.cls", b"1"),
        ("1.CLS", b"2"),
        ("2.jpg", &big),
        ("2.cls", b"2"),
        ("0.jpg", b"stray"),
        ("3.cls", b"3"),
    ]);
    let options = ReadOptions { max_member_bytes: 4999, ..ReadOptions::default() };
    let items = read_with(tar, options);
    assert_eq!(
        outline(&items),
        ["0:cls", "1!repeated_extension", "2!member_too_large", "0!non_adjacent", "3:cls"]
    );
    assert_eq!(items[4].as_ref().unwrap().index, 4, "faulty samples keep their number");
    let message = items[3].as_ref().unwrap_err().to_string();
    assert!(message.contains("t.tar") && message.contains("`0`") && message.contains("adjacent"));
}

#[test]
fn gnu_and_pax_long_names() {
    let long = format!("{}/{}.cls", "d".repeat(150), "f".repeat(150));
    assert_eq!(outline(&read(tar_of(&[(&long, b"1")])))[0].len(), 150 + 1 + 150 + 4);

    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", long.as_bytes()), ("size", b"3")]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short.cls").unwrap();
    header.set_size(3);
    header.set_cksum();
    builder.append(&header, &b"abc"[..]).unwrap();
    let items = read(builder.into_inner().unwrap());
    let sample = items[0].as_ref().unwrap();
    assert_eq!(format!("{}.cls", sample.key), long);
    assert_eq!((sample.get("cls"), sample.offset), (Some(&b"abc"[..]), 0));
}

/// A header of a kind of its own, with no body.
fn bodiless(kind: tar::EntryType, name: &str, target: &str) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    if !target.is_empty() {
        header.set_link_name(target).unwrap();
    }
    header.set_size(0);
    header.set_cksum();
    header
}

#[test]
fn folders_have_no_content_and_links_are_faults_of_their_samples() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut file = tar::Header::new_ustar();
    file.set_path("a.jpg").unwrap();
    file.set_size(1);
    file.set_cksum();
    builder.append(&file, &b"i"[..]).unwrap();
    for (kind, name, target) in [
        (tar::EntryType::Directory, "d.x/", ""),
        (tar::EntryType::Link, "b.jpg", "a.jpg"),
        (tar::EntryType::Symlink, "c.cls", "a.cls"),
        (tar::EntryType::Symlink, "c.jpg", "a.jpg"),
    ] {
        builder.append(&bodiless(kind, name, target), io::empty()).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let items = read(tar.clone());
    // A sample of links alone is counted too.
    assert_eq!(outline(&items), ["a:jpg", "b!link", "c!link"]);
    let message = items[1].as_ref().unwrap_err().to_string();
    assert!(message.contains("`.jpg` is a hard link to `a.jpg`"), "{message}");
    assert!(message.contains("--hard-dereference"), "{message}");
    // What nobody asks for may be a link, unless an index is made of all.
    let extensions = Some(vec!["cls".to_owned()]);
    let options = ReadOptions { extensions, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar.clone(), options.clone())), ["a:", "b:", "c!link"]);
    let all = ReadOptions { all_stored: true, ..options };
    assert_eq!(outline(&read_with(tar, all)), ["a:", "b!link", "c!link"]);
}

#[test]
fn a_link_within_its_sample_is_followed() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut file = tar::Header::new_ustar();
    file.set_path("./d/a.jpg").unwrap();
    file.set_size(1);
    file.set_cksum();
    builder.append(&file, &b"i"[..]).unwrap();
    for (kind, name, target) in [
        (tar::EntryType::Symlink, "./d/a.png", "a.jpg"),
        (tar::EntryType::Link, "./d/a.gif", "d/a.jpg"),
    ] {
        builder.append(&bodiless(kind, name, target), io::empty()).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let items = read(tar.clone());
    assert_eq!(outline(&items), ["d/a:jpg,png,gif"]);
    assert_eq!(items[0].as_ref().unwrap().get("gif"), Some(&b"i"[..]));
    // An index has no content to point at.
    let index = ReadOptions { all_stored: true, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar, index)), ["d/a!link"]);
}

#[test]
fn long_link_targets_are_named() {
    let mut builder = tar::Builder::new(Vec::new());
    let target = format!("{}.jpg", "t".repeat(150));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Link);
    header.set_size(0);
    builder.append_link(&mut header, "b.jpg", &target).unwrap();
    let items = read(builder.into_inner().unwrap());
    assert!(items[0].as_ref().unwrap_err().to_string().contains(&target));
}

#[test]
fn an_index_is_refused_to_sparse_members_whatever_is_loaded() {
    let mut header = tar::Header::new_gnu();
    header.set_path("0.png").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    header.set_cksum();
    let tar = [header.as_bytes().to_vec(), vec![0; 1024]].concat();
    let nothing = ReadOptions { extensions: Some(Vec::new()), ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar.clone(), nothing.clone())), ["0:"]);
    let index = ReadOptions { all_stored: true, ..nothing };
    assert_eq!(outline(&read_with(tar, index)), ["0!sparse"]);
}

#[test]
fn a_name_that_is_not_utf8_is_escaped() {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [(&b"100%caf\xe9.cls"[..], b"1"), (b"100%caf\xe9.png", b"i")] {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &content[..]).unwrap();
    }
    let items = read(builder.into_inner().unwrap());
    assert_eq!(outline(&items), ["100%25caf%e9:cls,png"]);
    // An index has the names as they are stored, which no index can hold.
    assert!(items[0].as_ref().unwrap().places[0].name.contains('\u{fffd}'));
}

#[test]
fn checksums_of_bytes_with_a_sign_are_accepted() {
    let mut header = tar::Header::new_ustar();
    header.set_path("é.cls").unwrap();
    header.set_size(1);
    header.as_mut_bytes()[148..156].fill(b' ');
    let sum: i32 = header.as_bytes().iter().map(|&byte| i32::from(byte.cast_signed())).sum();
    header.as_mut_bytes()[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let tar = [header.as_bytes().to_vec(), b"1".to_vec(), vec![0; 511 + 1024]].concat();
    assert_eq!(outline(&read(tar.clone())), ["é:cls"]);
    let mut wrong = tar;
    wrong[0] ^= 2;
    assert_eq!(outline(&read(wrong)), ["!not_tar*"]);
}

#[test]
fn samples_in_folders_of_the_system_are_none_and_a_shard_of_nothing_else_is_named() {
    let tar = tar_of(&[
        ("cat/1.png", b"i"),
        ("cat/.ipynb_checkpoints/1-checkpoint.png", b"x"),
        ("__MACOSX/cat/1.png", b"x"),
        ("cat/@eaDir/1.jpg/t.png", b"x"),
        ("cat/1.cls", b"7"),
    ]);
    assert_eq!(outline(&read(tar)), ["cat/1:png,cls"]);
    let items = read(tar_of(&[("__meta__", b""), (".data/1.png", b"i"), (".data/1.cls", b"7")]));
    assert_eq!(outline(&items), ["!no_samples*"]);
    let message = items[0].as_ref().unwrap_err().to_string();
    assert!(
        message.contains("none of its 2 files") && message.contains(".data/1.png"),
        "{message}"
    );
    assert_eq!(outline(&read(tar_of(&[("__meta__", b"")]))), [""; 0]);
}

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
fn wherever_it_is_cut_whole_samples_come_and_one_fatal_fault_ends_it() {
    let body = vec![7u8; 600];
    let names: Vec<String> =
        (0..6).map(|i| format!("{}.{}", i / 2, ["cls", "png"][i % 2])).collect();
    let members: Vec<_> = names.iter().map(|n| (n.as_str(), &body[..])).collect();
    let whole = tar_of(&members);
    // Each member is a header and two blocks; the end marker follows at byte 9216.
    for cut in (0..9216).step_by(64) {
        let items = read(whole[..cut].to_vec());
        let (last, before) = items.split_last().unwrap();
        let fault = last.as_ref().unwrap_err();
        assert!(fault.fatal, "cut at {cut}");
        assert!(before.iter().all(Result::is_ok), "cut at {cut}");
        // A sample is known to be whole once the next header is.
        let in_next_header = (1..512).contains(&(cut % 3072));
        let whole_samples = (cut / 3072).saturating_sub(usize::from(in_next_header));
        if fault.reason.code() == "truncated" {
            assert_eq!(before.len(), whole_samples, "cut at {cut}");
            let cut_sample = (cut >= 512).then(|| whole_samples.to_string());
            assert_eq!(fault.key, cut_sample, "cut at {cut}");
        } else {
            assert_eq!((fault.reason.code(), cut % 1536), ("no_end_marker", 0), "cut at {cut}");
            assert_eq!(before.len(), cut.div_ceil(3072));
        }
    }
    assert_eq!(read(whole).len(), 3);
}

#[test]
fn an_archive_without_its_end_marker_is_suspect() {
    let mut tar = tar_of(&[("0.cls", b"1")]);
    tar.truncate(1024);
    assert_eq!(outline(&read(tar)), ["0:cls", "!no_end_marker*"]);
    assert_eq!(outline(&read(Vec::new())), ["!no_end_marker*"]);
}

#[test]
fn a_second_tar_behind_the_end_marker_is_not_lost_in_silence() {
    let tar = [tar_of(&[("0.cls", b"1")]), tar_of(&[("1.cls", b"1")])].concat();
    assert_eq!(outline(&read(tar)), ["0:cls", "!trailing_data*"]);
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
fn an_absurd_size_neither_panics_nor_allocates() {
    for size in [u64::MAX, u64::MAX - 600, 1 << 60] {
        let mut header = tar::Header::new_gnu();
        header.set_path("0.cls").unwrap();
        header.set_size(size);
        header.set_cksum();
        for kind in [b'0', b'L', b'x', b'g', b'S'] {
            header.as_mut_bytes()[156] = kind;
            header.set_cksum();
            let items = read(header.as_bytes().to_vec());
            let fault = items.last().unwrap().as_ref().unwrap_err();
            assert!(fault.fatal, "{size} {kind}: {fault}");
        }
    }
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

#[test]
fn failing_storage_is_not_called_damage() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("EIO"))
        }
    }
    let tar = tar_of(&[("0.cls", b"1"), ("1.png", &[7; 2000])]);
    for kept in [0, 700, 1024, 2000, 5000] {
        let source = Cursor::new(tar[..kept.min(tar.len())].to_vec()).chain(Broken);
        let reader = ShardReader::from_reader("t.tar", source, ReadOptions::default());
        let fault = reader.last().unwrap().unwrap_err();
        assert!(fault.reason.is_io() && fault.fatal, "{kept}: {fault}");
    }
    let missing = ShardReader::open(Path::new("no/such.tar"), ReadOptions::default());
    let fault = missing.err().unwrap();
    assert!(fault.reason.is_io() && fault.to_string().contains("no/such.tar"));
}

/// Flips bytes all over a shard: anything may come out but a panic or an endless stream.
#[test]
fn random_damage_never_panics() {
    let tar = tar_of(&[("0.cls", b"1"), ("0.png", &[7; 900]), ("1.cls", b"1"), ("2.cls", b"2")]);
    let packed = zstd::encode_all(&tar[..], 3).unwrap();
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..2000 {
        let mut bytes = if round % 2 == 0 { tar.clone() } else { packed.clone() };
        for _ in 0..=random(4) {
            let place = random(bytes.len());
            bytes[place] = random(256) as u8;
        }
        assert!(read(bytes).len() <= 6);
    }
}
