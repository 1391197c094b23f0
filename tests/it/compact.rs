//! Class-major data: the same whoever makes them and however often that is broken off; what depends on a class is redone
//! when its images change, and not when others do.

use crate::harness::{Bench, contents, digits, write_shard};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::time::{Duration, Instant};

/// Has each class be a group of its own.
const SMALL: (&str, &str) = ("CODA_GROUP_BYTES", "1");

fn spawn(bench: &Bench, args: &[&str]) -> Child {
    bench.command(args).env(SMALL.0, SMALL.1).spawn().unwrap()
}

fn run(bench: &Bench, args: &[&str]) -> String {
    let output = bench.command(args).env(SMALL.0, SMALL.1).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {stderr}");
    stderr
}

/// Class-major files of a run by name.
fn files(bench: &Bench, run: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(bench.path(run).join("compact")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let parquet = paths.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    parquet
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// Units that were finished, after the first `from` of them.
fn units(bench: &Bench, from: usize) -> BTreeSet<String> {
    let text = std::fs::read_to_string(bench.path("run/events.jsonl")).unwrap();
    let lines = text.lines().filter(|line| line.contains("\"event\":\"unit_finished\""));
    let unit =
        |line| serde_json::from_str::<Value>(line).unwrap()["unit"].as_str().unwrap().to_owned();
    lines.skip(from).map(unit).collect()
}

#[test]
fn killed_while_data_are_compacted_a_run_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    run(&bench, &["run", "p.toml", "--run-dir", "whole"]);
    let whole = files(&bench, "whole");
    assert_eq!(whole.len(), 3, "a file a class");
    run(&bench, &["run", "p.toml", "--until", "encode"]);
    let mut kills = 0;
    for finished in 0..3 {
        let mut child = spawn(&bench, &["run", "p.toml", "--only", "compact"]);
        let deadline = Instant::now() + Duration::from_secs(120);
        // Two shards were encoded.
        while bench.events("run", "unit_finished") < 2 + finished {
            assert!(Instant::now() < deadline, "no {finished} groups after two minutes");
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills > 0, "no kill hit a living run");
    run(&bench, &["run", "p.toml"]);
    assert!(files(&bench, "run") == whole);
    assert!(contents(&bench.path("run")) == contents(&bench.path("whole")));
    let left = std::fs::read_dir(bench.path("run/compact")).unwrap().count();
    assert_eq!(left, 6, "files and receipts, and nothing half made");
}

#[test]
fn several_workers_share_the_groups_and_the_bytes_are_those_of_one() {
    let bench = Bench::new();
    run(&bench, &["run", "p.toml", "--run-dir", "whole"]);
    let workers: Vec<Child> = (0..3)
        .map(|worker| spawn(&bench, &["run", "p.toml", "--partition", &format!("{worker}/3")]))
        .collect();
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(contents(&bench.path("run")) == contents(&bench.path("whole")));
}

#[test]
fn one_file_for_all_classes_or_one_each_gives_the_same_sets() {
    let bench = Bench::with_run(&[]);
    run(&bench, &["run", "p.toml", "--run-dir", "small"]);
    assert_eq!((files(&bench, "run").len(), files(&bench, "small").len()), (1, 3));
    assert_eq!(bench.results("run"), bench.results("small"));
}

#[test]
fn an_image_less_in_a_shard_makes_its_class_stale_and_no_other() {
    let bench = Bench::new();
    run(&bench, &["run", "p.toml"]);
    let before = bench.events("run", "unit_finished");
    // The second shard without its last digit: all others stay where they are.
    let mut samples = digits(30).split_off(45);
    let last = samples.pop().unwrap();
    let class = String::from_utf8(last.get("cls").unwrap().to_vec()).unwrap();
    write_shard(&bench.path("train-000001.tar"), &samples);
    let output = bench.command(&["run", "p.toml"]).env(SMALL.0, SMALL.1).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "nothing is redone unasked");
    run(&bench, &["run", "p.toml", "--force"]);
    let redone = units(&bench, before);
    let of = |stage: &str| -> Vec<&str> {
        redone.iter().filter_map(|unit| unit.strip_prefix(stage)?.strip_prefix('/')).collect()
    };
    assert_eq!(of("encode"), ["part-000001"]);
    // The groups read the part that changed; of two of them the rows are what they were.
    assert_eq!(of("compact"), ["group-000000", "group-000001", "group-000002"]);
    assert_eq!((of("discover"), of("anchor")), (vec![&class[..]], vec![&class[..]]));
}

#[test]
fn a_damaged_class_major_file_is_found_and_made_anew_alone() {
    let bench = Bench::with_run(&[]);
    let whole = contents(&bench.path("run"));
    let path = bench.path("run/compact/group-000000.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (stdout, _) = bench.expect(1, &["verify", "run"]);
    assert!(stdout.contains("compact/group-000000.parquet"), "{stdout}");
    let before = bench.events("run", "unit_finished");
    bench.expect(0, &["verify", "run", "--repair"]);
    assert_eq!(units(&bench, before), BTreeSet::from(["compact/group-000000".to_owned()]));
    assert!(contents(&bench.path("run")) == whole);
}

#[test]
fn what_looks_back_at_a_run_of_an_earlier_version_says_how_to_go_on() {
    let bench = Bench::with_run(&[]);
    std::fs::remove_dir_all(bench.path("run/compact")).unwrap();
    let (_, stderr) = bench.expect(1, &["stability", "run"]);
    assert!(stderr.contains("no class-major data of 90 of 90 images"), "{stderr}");
    bench.expect(0, &["run", "p.toml"]);
    bench.expect(0, &["stability", "run"]);
}
