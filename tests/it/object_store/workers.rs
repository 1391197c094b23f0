//! A run directory in an object store: `--run-dir s3://…`, against `moto` on loopback.

use crate::crash_safety::random_kills::{Dice, from_environment};
use crate::harness::{Bench, contents};
use crate::moto::Moto;
use crate::object_store::shards::{expect, s3_command};
use std::collections::BTreeMap;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// All results below a prefix, by name, as [`contents`] has those of a folder.
fn objects(moto: &Moto, run: &str) -> BTreeMap<String, Vec<u8>> {
    let start = format!("{run}/");
    let aside = ["run.json", "events.jsonl"];
    moto.keys("bucket", &start)
        .into_iter()
        .map(|key| key.strip_prefix(&start).unwrap().to_owned())
        .filter(|name| !name.ends_with(".receipt.json") && !name.starts_with("workers/"))
        .filter(|name| !aside.contains(&name.as_str()))
        .map(|name| {
            let content = moto.get(&format!("/bucket/{start}{name}")).unwrap();
            (name, content)
        })
        .collect()
}

fn worker(bench: &Bench, moto: &Moto, run: &str, index: usize) -> Child {
    let (place, partition) = (format!("s3://bucket/{run}"), format!("{index}/3"));
    let scratch = bench.path("scratch").display().to_string();
    let args =
        ["run", "p.toml", "--run-dir", &place, "--scratch", &scratch, "--partition", &partition];
    s3_command(bench, &moto.url(), &args).spawn().unwrap()
}

fn ends_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

/// Looks at the objects until told to stop: each must be whole, and no receipt may come before its files. Gives the
/// objects looked at.
fn watch(moto: &Moto, run: &str, whole: &BTreeMap<String, Vec<u8>>, stop: &AtomicBool) -> usize {
    let mut looked = 0;
    while !stop.load(Ordering::Relaxed) {
        let names: Vec<String> = moto.keys("bucket", &format!("{run}/"));
        for key in names {
            let Some(content) = moto.get(&format!("/bucket/{key}")) else { continue };
            let name = key.strip_prefix(&format!("{run}/")).unwrap();
            if let Some(expected) = whole.get(name) {
                assert!(content == *expected, "{name} was seen with {} bytes", content.len());
                looked += 1;
            }
            if name.ends_with(".receipt.json") {
                let receipt: serde_json::Value = serde_json::from_slice(&content).unwrap();
                for output in receipt["outputs"].as_array().unwrap() {
                    let file = output["file"].as_str().unwrap();
                    let found = moto.get(&format!("/bucket/{run}/{file}")).map(|f| f.len() as u64);
                    assert_eq!(found, output["bytes"].as_u64(), "{name} came before {file}");
                }
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    looked
}

/// `CODA_CRASHES`: kills in all (3 unless given).
#[test]
fn three_on_an_object_store_killed_at_random_leave_the_bytes_of_a_run_on_disk() {
    let Some(moto) = Moto::start() else { return };
    let crashes = from_environment("CODA_CRASHES").unwrap_or(3) as usize;
    let mut dice = Dice::from_environment(&format!("{crashes} crashes of three far workers"));
    let bench = Bench::new();
    moto.put("/bucket", b"");
    let started = std::time::Instant::now();
    bench.expect(0, &["run", "p.toml", "--run-dir", "whole"]);
    let takes = started.elapsed();
    let whole = contents(&bench.path("whole"));
    let (mut killed, mut rounds, mut looked) = (0, 0, 0);
    while killed < crashes {
        rounds += 1;
        let run = format!("run-{rounds}");
        let stop = AtomicBool::new(false);
        looked += std::thread::scope(|scope| {
            let watching = scope.spawn(|| watch(&moto, &run, &whole, &stop));
            let mut workers: Vec<Child> =
                (0..3).map(|index| worker(&bench, &moto, &run, index)).collect();
            for _ in 0..(crashes - killed).min(5) {
                std::thread::sleep(takes.mul_f64(1.5 * dice.roll()));
                let index = (dice.roll() * 3.0) as usize % 3;
                let victim = &mut workers[index];
                if victim.try_wait().unwrap().is_none() {
                    victim.kill().unwrap();
                    killed += 1;
                }
                victim.wait().unwrap();
                if dice.roll() < 0.5 {
                    // As on another machine, which has nothing of what was there.
                    let _ = std::fs::remove_dir_all(bench.path(&format!("scratch/{index}-of-3")));
                }
                *victim = worker(&bench, &moto, &run, index);
            }
            workers.into_iter().for_each(ends_well);
            stop.store(true, Ordering::Relaxed);
            watching.join().unwrap()
        });
        assert!(objects(&moto, &run) == whole, "round {rounds}: other results");
        std::fs::remove_dir_all(bench.path("scratch")).unwrap();
    }
    eprintln!("{killed} kills in {rounds} rounds; {looked} objects looked at meanwhile, all whole");

    // Every command that looks at a run finds it there, from a machine that has nothing of it.
    let far = |code: i32, args: &[&str]| {
        let mut command = s3_command(&bench, &moto.url(), args);
        command.env("TMPDIR", bench.path(""));
        expect(code, command)
    };
    let place = "s3://bucket/run-1";
    let (status, _) = far(0, &["status", place]);
    assert!(status.contains("assemble          2/2") && status.contains("2-of-3 "), "{status}");
    let (verified, _) = far(0, &["verify", place]);
    assert!(verified.contains("0 damaged, 0 in no receipt"), "{verified}");
    let (_, stderr) = far(0, &["run", "p.toml", "--run-dir", place]);
    assert!(stderr.contains("all units were done by an earlier run"), "{stderr}");
    far(0, &["report", place]);
    assert!(moto.get("/bucket/run-1/report/index.html").unwrap().len() > 10_000);

    // The pipeline file may name it too.
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let there = text.replace("run_dir = \"run\"", &format!("run_dir = {place:?}"));
    std::fs::write(bench.path("far.toml"), there).unwrap();
    let (_, stderr) = far(0, &["run", "far.toml"]);
    assert!(stderr.contains("all units were done by an earlier run"), "{stderr}");

    // Rot is noticed, and an outdated run refused and redone as on a disk.
    moto.put("/bucket/run-1/distilled/mini-000000.idx", &whole["distilled/mini-000000.idx"][1..]);
    let (verified, _) = far(1, &["verify", place]);
    assert!(verified.contains("distilled/mini-000000.idx has"), "{verified}");
    let (_, stderr) = far(2, &["run", "p.toml", "--run-dir", place, "--set", "generate.seed=7"]);
    assert!(stderr.contains("generate.seed: 0 → 7"), "{stderr}");
    far(0, &["run", "p.toml", "--run-dir", place, "--set", "generate.seed=7", "--force"]);
    bench.expect(0, &["run", "p.toml", "--run-dir", "seven", "--set", "generate.seed=7"]);
    let seven = contents(&bench.path("seven"));
    let redone = objects(&moto, "run-1");
    assert!(seven.iter().all(|(name, content)| redone.get(name) == Some(content)));
}
