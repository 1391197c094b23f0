use std::io::{self, Cursor, Write};
use std::process::Command;

use super::*;
use crate::shards::{ReadOptions, ShardReader};

fn member(extension: &str, bytes: &[u8]) -> SampleMember {
    SampleMember::new(extension, bytes)
}

fn archive(keys: &[String]) -> (Vec<u8>, Vec<SampleEntry>) {
    let mut writer = ShardWriter::new(Vec::new(), WriterOptions { mtime: 1_000_000_000 });
    for (i, key) in keys.iter().enumerate() {
        let members = [member("png", &vec![i as u8; 700 + i]), member("cls", b"7")];
        writer.write_sample(key, &members).unwrap();
    }
    writer.finish().unwrap()
}

fn long_keys() -> Vec<String> {
    vec!["a".into(), format!("{}/{}", "d".repeat(150), "f".repeat(95)), "x/é".into()]
}

#[test]
fn reads_back_the_same_samples_with_offsets_that_point_at_content() {
    let (tar, entries) = archive(&long_keys());
    assert_eq!(tar.len() % 512, 0);
    let reader = ShardReader::from_reader("t", Cursor::new(tar.clone()), ReadOptions::default());
    let samples: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(samples.len(), entries.len());
    for (sample, entry) in samples.iter().zip(&entries) {
        assert_eq!(sample.key, entry.key);
        assert_eq!(sample.offset + 512, entry.members[0].offset);
        for (read, place) in sample.members.iter().zip(&entry.members) {
            assert_eq!(place.offset % 512, 0);
            let start = place.offset as usize;
            assert_eq!(tar[start..start + place.size as usize], read.bytes);
            assert_eq!(read.extension, place.extension);
        }
        let extensions: Vec<_> = sample.members.iter().map(|m| m.extension.as_str()).collect();
        assert_eq!(extensions, ["cls", "png"], "sorted whatever the order given");
    }
}

#[test]
fn bytes_depend_on_nothing_but_the_input() {
    assert_eq!(archive(&long_keys()).0, archive(&long_keys()).0);
    let (tar, _) = archive(&["a".to_owned()]);
    assert_eq!(&tar[257..265], b"ustar\x0000", "USTAR magic and version");
    assert_eq!(&tar[100..107], b"0000444");
    assert_eq!(&tar[136..147], format!("{:011o}", 1_000_000_000).as_bytes());
    assert!(tar[tar.len() - 1024..].iter().all(|&b| b == 0));
}

#[test]
fn gnu_tar_lists_and_extracts_it() {
    if Command::new("tar").arg("--version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.tar");
    std::fs::write(&path, archive(&long_keys()).0).unwrap();
    let listing = Command::new("tar").arg("tvf").arg(&path).output().unwrap();
    assert!(listing.status.success() && listing.stderr.is_empty(), "{listing:?}");
    let text = String::from_utf8(listing.stdout).unwrap();
    assert_eq!(text.lines().count(), 6);
    assert!(text.lines().all(|l| l.starts_with("-r--r--r-- 0/0")), "{text}");
    let mut extract = Command::new("tar");
    let out = extract.arg("xOf").arg(&path).arg("a.png").output().unwrap();
    assert_eq!(out.stdout, vec![0u8; 700]);
}

#[test]
fn refuses_what_would_not_read_back() {
    let one = [member("cls", b"7")];
    let twice = [member("cls", b"7"), member("cls", b"8")];
    let long = "x".repeat(120);
    for (key, members) in [
        ("a.b", &one[..]),
        ("", &one),
        ("dir/", &one),
        (".hidden", &one),
        ("/absolute", &one),
        ("a/../b", &one),
        ("__meta__/x", &one),
        (long.as_str(), &one),
        ("k", &[]),
        ("k", &twice),
        ("k", &[member("CLS", b"7")]),
        ("k", &[member("", b"7")]),
        ("k", &[member("a/b", b"7")]),
        ("nul\0", &one),
    ] {
        let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
        let error = writer.write_sample(key, members).unwrap_err();
        assert!(matches!(error, ShardError::BadSample { .. }), "{key}: {error}");
        assert_eq!(writer.position(), 0, "{key}: nothing may be written");
    }
    let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
    writer.write_sample("k", &one).unwrap();
    assert!(writer.write_sample("k", &one).is_err(), "a repeated key");
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = ShardWriter::new(Full, WriterOptions::default());
    let error = writer.write_sample("k", &[member("cls", b"7")]).unwrap_err();
    assert!(matches!(error, ShardError::Write(_)), "{error}");
}

#[test]
fn keys_may_come_back_in_a_stream_of_several_shards_but_not_at_once() {
    let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
    let members = [SampleMember::new("cls", "7")];
    writer.write_sample("a", &members).unwrap();
    writer.write_sample("b", &members).unwrap();
    assert!(writer.write_sample("a", &members).unwrap_err().to_string().contains("already"));
    writer.forget_keys();
    let merged = writer.write_sample("b", &members).unwrap_err().to_string();
    assert!(merged.contains("the sample before it"), "{merged}");
    writer.write_sample("a", &members).unwrap();
    writer.write_sample("b", &members).unwrap();
    let (_, entries) = writer.finish().unwrap();
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "a", "b"]);
}
