//! Shards as other programs write them, and what is no shard at all.

use crate::harness::{Bench, digits, write_shard};
use serde_json::Value;
use std::io::Write;

/// A frame of zstd that asks for a window of `1 << log` bytes and holds `content`, as `zstd --long` writes them.
fn long_zstd(log: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3];
    let blocks: Vec<&[u8]> = content.chunks(100_000).collect();
    for (number, block) in blocks.iter().enumerate() {
        let last = u32::from(number + 1 == blocks.len());
        frame.extend(&((block.len() as u32) << 3 | last).to_le_bytes()[..3]);
        frame.extend(*block);
    }
    frame
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_shard_of_which_nothing_could_be_read_stops_a_run_and_is_no_bad_sample() {
    let bench = Bench::new();
    let tar = std::fs::read(bench.path("train-000001.tar")).unwrap();
    let broken: [(&str, Vec<u8>, &str); 6] = [
        ("long.tar.zst", long_zstd(31, &tar), "window of 2147483648 bytes"),
        ("page.tar", b"<!DOCTYPE html><html><body>Please log in</body></html>".to_vec(), "HTML"),
        ("table.tar", [b"PAR1", &tar[..900]].concat(), "Parquet"),
        ("packed.tar.xz", b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        ("cut.tar", tar[..54].to_vec(), "cut off at byte 54"),
        ("empty.tar", Vec::new(), "no end-of-archive marker"),
    ];
    for (name, bytes, _) in &broken {
        std::fs::write(bench.path(name), bytes).unwrap();
    }
    let names: Vec<String> = broken.iter().map(|(name, ..)| format!("{name:?}")).collect();
    let shards = format!("shards=[\"train-000000.tar\", {}]", names.join(", "));
    let run = ["run", "p.toml", "--until", "encode", "--set", &shards];
    let (_, stderr) = bench.expect(1, &run);
    for (name, _, reason) in &broken {
        let line = stderr.lines().find(|line| line.contains(&format!("({name})")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{name}: {stderr}");
    }
    assert!(stderr.contains("6 of 7 units failed"), "{stderr}");
    assert!(stderr.contains("--set max_bad_shards="), "{stderr}");
    // The good one is done, and a plan says the same before.
    assert!(bench.path("run/encode/part-000000.receipt.json").exists());
    let (_, stderr) = bench.expect(2, &["plan", "p.toml", "--set", &shards]);
    assert!(stderr.contains("could not be read"), "{stderr}");

    // Who allows it goes on; bad samples are not what is allowed.
    let allow = |count: &'static str| {
        [&run[..], &["--set", count, "--set", "max_bad=0", "--json"]].concat()
    };
    let (stdout, stderr) = bench.expect(0, &allow("max_bad_shards=6"));
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["lost_shards"].as_array().unwrap().len(), 6, "{stdout}");
    assert_eq!(summary["skipped"].as_array().unwrap().len(), 0, "{stdout}");
    assert!(stderr.contains("6 unreadable shards skipped"), "{stderr}");
    let (_, stderr) = bench.expect(1, &allow("max_bad_shards=5"));
    assert!(
        stderr.contains("6 shards could not be read and [data] max_bad_shards allows 5"),
        "{stderr}"
    );
}

#[test]
fn a_shard_that_was_mended_is_read_by_the_same_command() {
    let bench = Bench::new();
    let tar = std::fs::read(bench.path("train-000001.tar")).unwrap();
    std::fs::write(bench.path("train-000001.tar"), b"<html></html>").unwrap();
    let run = ["run", "p.toml", "--until", "encode"];
    bench.expect(1, &run);
    // Padded, long and in two frames with a skippable one before each: all read.
    let half = tar.len() / 2;
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let parts = [
        &skippable[..],
        &long_zstd(29, &tar[..half]),
        &skippable,
        &long_zstd(20, &tar[half..]),
        &[0; 5000],
    ];
    std::fs::write(bench.path("train-000001.tar"), parts.concat()).unwrap();
    let (_, stderr) = bench.expect(0, &run);
    assert!(stderr.contains("(1 done before)"), "{stderr}");
    let (stdout, _) = bench.expect(0, &["inspect", "run/encode/part-000001.parquet", "-n", "1"]);
    assert!(stdout.contains("Parquet, 45 rows"), "{stdout}");
}

#[test]
fn verify_lists_and_indexes_agree_on_what_is_in_a_shard() {
    let bench = Bench::new();
    let tar = std::fs::read(bench.path("train-000001.tar")).unwrap();
    std::fs::write(bench.path("padded.tar.gz"), [gzip(&tar), vec![0; 700]].concat()).unwrap();
    bench.expect(0, &["shards", "verify", "padded.tar.gz"]);
    std::fs::write(bench.path("tail.tar.gz"), [gzip(&tar), b"text".to_vec()].concat()).unwrap();
    let (stdout, _) = bench.expect(1, &["shards", "verify", "tail.tar.gz"]);
    assert!(stdout.contains("trailing garbage") && !stdout.contains("cut off"), "{stdout}");

    // A link and a sparse file: each is refused by all three, and no index is left.
    for (name, kind, code) in [("link", b'1', "link"), ("sparse", b'S', "sparse")] {
        let mut header = tar::Header::new_gnu();
        header.set_path("z.png").unwrap();
        header.set_link_name("a.png").unwrap();
        header.set_size(0);
        header.as_mut_bytes()[156] = kind;
        header.set_cksum();
        let file = format!("{name}.tar");
        let whole = [&tar[..tar.len() - 1024], &header.as_bytes()[..], &[0; 1024]].concat();
        std::fs::write(bench.path(&file), whole).unwrap();
        let (stdout, _) = bench.expect(1, &["shards", "ls", "--json", &file]);
        assert!(stdout.contains(&format!("\"code\":\"{code}\"")), "{stdout}");
        bench.expect(1, &["shards", "verify", &file]);
        let (_, stderr) = bench.expect(1, &["shards", "index", &file]);
        assert!(stderr.contains("sample `z`"), "{stderr}");
        assert!(!bench.path(&format!("{name}.idx")).exists());
    }
}

#[test]
fn what_a_folder_passes_over_is_said_and_a_dangling_link_is_refused() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("s")).unwrap();
    for name in ["a.tar", "b.TAR", "c.tzst"] {
        std::fs::copy(bench.path("train-000000.tar"), bench.path("s").join(name)).unwrap();
    }
    let (_, stderr) = bench.expect(0, &["shards", "ls", "s"]);
    assert!(stderr.contains("2 more in `s`") && stderr.contains("b.TAR, c.tzst"), "{stderr}");
    let run = ["run", "p.toml", "--until", "encode", "--set", "shards=s"];
    let (_, stderr) = bench.expect(0, &run);
    assert!(stderr.contains("b.TAR, c.tzst"), "{stderr}");
    std::os::unix::fs::symlink("gone", bench.path("s/d.tar")).unwrap();
    let (_, stderr) = bench.expect(2, &run);
    assert!(stderr.contains("s/d.tar") && stderr.contains("link"), "{stderr}");
}

#[test]
fn a_sample_without_the_image_says_what_it_has() {
    let bench = Bench::new();
    let mut samples = digits(1);
    for member in samples.iter_mut().flat_map(|sample| &mut sample.members) {
        if member.extension == "png" {
            member.extension = "image.png".to_owned();
        }
    }
    write_shard(&bench.path("s.tar"), &samples);
    let run = ["run", "p.toml", "--until", "encode", "--set", "shards=s.tar"];
    let (_, stderr) = bench.expect(0, &run);
    assert!(
        stderr.contains("it has .cls, .image.png: set [data] image = \"image.png\""),
        "{stderr}"
    );
    let set = [&run[..], &["--set", "image=image.png", "--force"]].concat();
    let (_, stderr) = bench.expect(0, &set);
    assert!(stderr.contains("3 samples"), "{stderr}");
}
