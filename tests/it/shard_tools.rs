//! `shards index` and `shards verify`.

use crate::harness::{Bench, checkout, digits, write_shard};
use crate::other_programs::tables::python;
use serde_json::Value;
use std::process::Command;

const BOTH: &str = "train-{000000..000001}.tar";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_index_is_what_tarfile_and_our_own_writer_say() {
    let bench = Bench::with_run(&[]);
    let set = bench.path("run/distilled/mini-000000.tar");
    std::fs::copy(&set, bench.path("copy.tar")).unwrap();
    std::fs::create_dir(bench.path("lists")).unwrap();
    let asked = ["shards", "index", BOTH, "copy.tar", "--wids", "lists/shardindex.json"];
    let (stdout, _) = bench.expect(0, &asked);
    assert!(stdout.contains("train-000001.idx: 45 samples"), "{stdout}");
    let read = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(read("copy.idx"), read("run/distilled/mini-000000.idx"));

    let wids = json(&read("lists/shardindex.json"));
    assert_eq!(
        (&wids["wids_version"], &wids["__kind__"]),
        (&1.into(), &"wids-shard-index-v1".into())
    );
    let shards = wids["shardlist"].as_array().unwrap();
    assert_eq!(shards.len(), 3);
    let length = std::fs::metadata(bench.path("train-000000.tar")).unwrap().len();
    assert_eq!(
        shards[0],
        serde_json::json!({"url": "../train-000000.tar", "nsamples": 45, "filesize": length})
    );

    if let Some(python) = python() {
        let script = checkout().join("tests/python/check_index.py");
        let theirs = Command::new(python).arg(script).arg(bench.path("train-000000.tar")).output();
        let theirs = theirs.unwrap();
        assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
        assert_eq!(read("train-000000.idx"), String::from_utf8(theirs.stdout).unwrap());
    }
}

#[test]
fn what_cannot_be_indexed_is_named_and_the_others_are_done() {
    let bench = Bench::new();
    let tar = std::fs::read(bench.path("train-000001.tar")).unwrap();
    std::fs::write(bench.path("packed.tar"), zstd::encode_all(&tar[..], 1).unwrap()).unwrap();
    std::fs::write(bench.path("cut.tar"), &tar[..tar.len() / 2]).unwrap();
    let shards = ["cut.tar", "packed.tar", "train-000000.tar", "pipe:cat train-000001.tar"];
    let asked = [&["shards", "index", "--json", "--wids", "all.json"], &shards[..]].concat();
    let (stdout, stderr) = bench.expect(1, &asked);
    let report = json(&stdout);
    let failed = report["failed"].as_array().unwrap();
    let error = |i: usize| failed[i]["error"].as_str().unwrap();
    assert_eq!(failed.len(), 3, "{report:#}");
    assert!(error(0).contains("cut off"), "{report:#}");
    assert!(error(1).contains("zstd") && error(1).contains("decompress"), "{report:#}");
    assert!(error(2).contains("not on this machine"), "{report:#}");
    assert_eq!(report["written"][0]["samples"], 45);
    assert!(bench.path("train-000000.idx").exists() && !bench.path("cut.idx").exists());
    assert!(
        !bench.path("all.json").exists() && stderr.contains("all.json is not written"),
        "{stderr}"
    );
}

#[test]
fn damage_is_found_by_reading_to_the_end() {
    let bench = Bench::new();
    bench.expect(0, &["shards", "index", BOTH]);
    let (stdout, _) = bench.expect(0, &["shards", "verify", BOTH, "--images", "--json"]);
    let report = json(&stdout);
    let numbers =
        ["samples", "images", "indexes", "bad"].map(|name| report[name].as_u64().unwrap());
    assert_eq!((numbers, &report["ok"]), ([90, 90, 2, 0], &Value::Bool(true)), "{report:#}");

    // Another shard under the same name; an image whose bytes are none; a shard without its end.
    let mut samples = digits(15);
    for member in &mut samples[3].members {
        if member.extension == "png" {
            member.bytes.truncate(100);
        }
    }
    let key = samples[3].key.clone();
    write_shard(&bench.path("train-000000.tar"), &samples);
    let tar = std::fs::read(bench.path("train-000001.tar")).unwrap();
    std::fs::write(bench.path("train-000001.tar"), &tar[..tar.len() - 1500]).unwrap();
    let (stdout, _) = bench.expect(1, &["shards", "verify", BOTH, "--images", "--json"]);
    let report = json(&stdout);
    let bad = |shard: usize| {
        let bad = report["shards"][shard]["bad"].as_array().unwrap().iter();
        bad.map(|bad| (bad["code"].as_str().unwrap(), bad["key"].as_str())).collect::<Vec<_>>()
    };
    assert_eq!(bad(0), [("bad_image", Some(key.as_str())), ("bad_index", None)], "{report:#}");
    assert_eq!(bad(1).len(), 1, "{report:#}");
    assert_eq!(report["ok"], false);

    // Without decoding, the image passes; the index is named with what to do.
    let (stdout, _) = bench.expect(1, &["shards", "verify", "train-000000.tar"]);
    assert!(
        stdout.contains("train-000000.idx does not match") && stdout.contains(", 1 bad"),
        "{stdout}"
    );
    bench.expect(2, &["shards", "verify", "absent.tar"]);
}
