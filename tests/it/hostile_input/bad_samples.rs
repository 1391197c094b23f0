//! Bad input: skipped, counted, named; or the run fails and says why.

use crate::harness::{Bench, digits, write_shard};
use crate::skip;
use arrow::array::AsArray;
use coda_pipe::internals::store::tables::read_all;
use std::path::Path;

/// Spoils the first shard's samples 0 (image), 1 (label), 2 (class), and cuts the second shard in the middle.
fn spoil(bench: &Bench) -> [String; 3] {
    let mut samples = digits(30);
    let spoil = |sample: &mut coda_pipe::shards::Sample, ext: &str, bytes: &[u8]| {
        sample
            .members
            .iter_mut()
            .filter(|m| m.extension == ext)
            .for_each(|m| m.bytes = bytes.to_vec());
    };
    let png = samples[0].get("png").unwrap().to_vec();
    spoil(&mut samples[0], "png", &png[..png.len() / 2]);
    samples[1].members.retain(|m| m.extension != "cls");
    spoil(&mut samples[2], "cls", b"nine");
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    let second = bench.path("train-000001.tar");
    let bytes = std::fs::read(&second).unwrap();
    // Past the header and into the content of a member, away from both ends.
    std::fs::write(&second, &bytes[..bytes.len() * 9 / 10 + 100]).unwrap();
    [samples[0].key.clone(), samples[1].key.clone(), samples[2].key.clone()]
}

/// A column of text of the run's quarantine.
fn quarantined(bench: &Bench, name: &str) -> Vec<String> {
    let table = read_all(&bench.path("run/quarantine.parquet")).unwrap();
    let column = table.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|v| v.unwrap().to_owned()).collect()
}

#[test]
fn bad_samples_are_skipped_counted_and_listed() {
    let bench = Bench::new();
    let keys = spoil(&bench);
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    let column = |name: &str| quarantined(&bench, name);
    let (shards, listed, reasons) = (column("shard"), column("key"), column("reason"));
    assert_eq!(listed.len(), 4, "{stderr}");
    for (key, reason) in keys.iter().zip(["PNG", "label", "unknown class \"nine\""]) {
        let row =
            listed.iter().position(|k| k == key).unwrap_or_else(|| panic!("{key} in {listed:?}"));
        assert!(reasons[row].contains(reason), "{} should say {reason}", reasons[row]);
        assert!(shards[row].contains("train-000000.tar"));
        assert!(stderr.contains(key.as_str()), "{stderr}");
    }
    let cut = shards.iter().position(|s| s.contains("train-000001.tar")).unwrap();
    assert!(reasons[cut].contains("cut off"), "{}", reasons[cut]);

    let (status, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["stages"][0]["skipped"], 4);
}

#[test]
fn too_many_bad_samples_fail_the_run_and_say_why() {
    let bench = Bench::new();
    spoil(&bench);
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--set", "max_bad=3"]);
    assert!(stderr.contains("max_bad allows 3") && stderr.contains("unknown class"), "{stderr}");
    assert!(bench.path("run/quarantine.parquet").exists());
    assert!(!bench.path("run/discover").exists());
    // The limit is not a setting that results depend on: raising it goes on from what was encoded.
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--set", "max_bad=0.5"]);
    assert!(stderr.contains("2 of 2 units done before"), "{stderr}");
}

#[test]
fn a_class_with_too_few_images_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.path("classes.txt"), "0, zero\n1, one\n2, two\n7, seven\n").unwrap();
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("7: 0") && stderr.contains("ipc = 4"), "{stderr}");
}

#[test]
fn a_long_run_of_bad_samples_gives_the_shard_up_and_the_rest_is_done() {
    let bench = Bench::new();
    let mut samples = digits(30);
    samples[5..15].iter_mut().for_each(|sample| sample.members.retain(|m| m.extension != "cls"));
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    let limited = ["run", "p.toml", "--set", "max_bad=20", "--set", "max_consecutive_bad=4"];
    let (_, stderr) = bench.expect(1, &limited);
    assert!(
        stderr.contains("encode/part-000000 (train-000000.tar): shard train-000000.tar"),
        "{stderr}"
    );
    assert!(
        stderr.contains("5 bad samples in a row, and [data] max_consecutive_bad allows 4"),
        "{stderr}"
    );
    assert!(bench.path("run/encode/part-000001.receipt.json").exists(), "{stderr}");
    let reasons = quarantined(&bench, "reason");
    assert!(reasons.len() == 1 && reasons[0].contains("5 bad samples in a row"), "{reasons:?}");
    assert_eq!(quarantined(&bench, "shard"), ["train-000000.tar"]);
    // No setting that results depend on: raised, the run goes on.
    bench.expect(0, &["run", "p.toml", "--set", "max_bad=20", "--set", "max_consecutive_bad=10"]);
    assert_eq!(quarantined(&bench, "key").len(), 10);
}

/// Reading the memory of a process from its start fails with EIO, as a lost disk or network does.
#[test]
fn a_shard_whose_storage_fails_is_reported_with_the_rest_done_and_read_when_it_is_back() {
    let memory = Path::new("/proc/self/mem");
    if !memory.exists() {
        skip::here("there is no /proc/self/mem");
        return;
    }
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    let shard = bench.path("train-000001.tar");
    std::fs::rename(&shard, bench.path("kept")).unwrap();
    std::os::unix::fs::symlink(memory, &shard).unwrap();
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(
        stderr.contains("1 of 2 units failed") && stderr.contains("train-000001.tar"),
        "{stderr}"
    );
    assert!(stderr.contains("Input/output error"), "{stderr}");
    assert_eq!(quarantined(&bench, "shard"), ["train-000001.tar"]);
    std::fs::rename(bench.path("kept"), &shard).unwrap();
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("encode    2 units (1 done before)"), "{stderr}");
    assert!(quarantined(&bench, "shard").is_empty());
    assert_eq!(bench.results("run"), bench.results("whole"));
}

#[test]
fn images_that_come_to_nothing_are_quarantined_even_when_their_limit_ends_the_run() {
    let bench = Bench::new();
    let wild = [
        "run",
        "p.toml",
        "--set",
        "gamma=1e30",
        "--set",
        "schedule=sigma",
        "--set",
        "generate.batch=4",
    ];
    bench.expect(1, &wild);
    let stages = quarantined(&bench, "stage");
    assert!(!stages.is_empty() && stages.iter().all(|stage| stage == "generate"), "{stages:?}");
    bench.expect(0, &[&wild[..], &["--set", "max_failed=12"]].concat());
    assert_eq!(quarantined(&bench, "key").len(), 12);
    assert!(quarantined(&bench, "key").contains(&"2/3".to_owned()));
    assert!(quarantined(&bench, "reason")[0].contains("non-finite values"));
}
