//! Several processes in one run directory: `--partition`.

use crate::crash_safety::random_kills::{Dice, from_environment};
use crate::harness::{Bench, contents};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn worker(bench: &Bench, run: &str, partition: &str) -> Child {
    bench.command(&["run", "p.toml", "--run-dir", run, "--partition", partition]).spawn().unwrap()
}

/// Waits for `child` to end well.
fn ends_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

/// Names and contents that a folder holds now; what goes while it is read is passed over.
fn glance(root: &Path, folder: &Path, seen: &mut dyn FnMut(String, Vec<u8>)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            glance(root, &path, seen);
        } else if let Ok(content) = std::fs::read(&path) {
            seen(path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), content);
        }
    }
}

/// Looks at the run directory until told to stop: whatever has its final name must be whole. Gives the files looked at.
fn watch(run: &Path, whole: &BTreeMap<String, Vec<u8>>, stop: &AtomicBool) -> usize {
    let looked = AtomicUsize::new(0);
    while !stop.load(Ordering::Relaxed) {
        glance(run, run, &mut |name, content| {
            if let Some(expected) = whole.get(&name) {
                assert!(content == *expected, "{name} was seen with {} bytes", content.len());
                looked.fetch_add(1, Ordering::Relaxed);
            }
            if name.ends_with(".json") {
                let text = String::from_utf8_lossy(&content);
                assert!(
                    serde_json::from_slice::<serde_json::Value>(&content).is_ok(),
                    "{name}: {text}"
                );
            }
        });
        std::thread::sleep(Duration::from_millis(3));
    }
    looked.into_inner()
}

#[test]
fn three_at_once_share_the_work_and_leave_the_bytes_of_one() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--run-dir", "alone", "--set", "generate.batch=1"]);
    let start = |at: &str| {
        let args = ["run", "p.toml", "--partition", at, "--set", "generate.batch=1"];
        bench.command(&args).spawn().unwrap()
    };
    ["0/3", "1/3", "2/3"].map(start).into_iter().for_each(ends_well);
    assert!(contents(&bench.path("run")) == contents(&bench.path("alone")), "other results");

    let (stdout, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let workers = status["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 3);
    assert!(workers.iter().all(|worker| worker["state"] == "finished"), "{stdout}");
    // Nothing done twice.
    let units = |of: &serde_json::Value, key: &str| -> u64 {
        of.as_array().unwrap().iter().map(|one| one[key].as_u64().unwrap()).sum()
    };
    assert_eq!(units(&status["workers"], "units"), units(&status["stages"], "done"), "{stdout}");
    let (table, _) = bench.expect(0, &["status", "run"]);
    assert!(table.contains("2-of-3       finished"), "{table}");
    // A run on its own finds all done, and `verify` nothing strange.
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--set", "generate.batch=1"]);
    assert!(stderr.contains("all units were done by an earlier run"), "{stderr}");
    let (verified, _) = bench.expect(0, &["verify", "run"]);
    assert!(verified.contains("0 damaged, 0 in no receipt"), "{verified}");
}

/// `CODA_CRASHES`: kills in all (6 unless given).
#[test]
fn three_killed_at_random_and_started_again_leave_the_same_bytes_and_never_half_a_file() {
    let crashes = from_environment("CODA_CRASHES").unwrap_or(6) as usize;
    let mut dice = Dice::from_environment(&format!("{crashes} crashes of three workers"));
    let bench = Bench::new();
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
            let watching = scope.spawn(|| watch(&bench.path(&run), &whole, &stop));
            let mut workers: Vec<Child> =
                (0..3).map(|index| worker(&bench, &run, &format!("{index}/3"))).collect();
            // A few kills a round, so that rounds end too.
            for _ in 0..(crashes - killed).min(5) {
                std::thread::sleep(takes.mul_f64(0.6 * dice.roll()));
                let index = (dice.roll() * 3.0) as usize % 3;
                let victim = &mut workers[index];
                if victim.try_wait().unwrap().is_none() {
                    victim.kill().unwrap();
                    killed += 1;
                }
                victim.wait().unwrap();
                *victim = worker(&bench, &run, &format!("{index}/3"));
            }
            workers.into_iter().for_each(ends_well);
            stop.store(true, Ordering::Relaxed);
            watching.join().unwrap()
        });
        assert!(contents(&bench.path(&run)) == whole, "round {rounds}: other results");
    }
    assert!(looked > 100, "only {looked} files were looked at");
    eprintln!("{killed} kills in {rounds} rounds; {looked} files looked at meanwhile, all whole");
}

#[test]
fn what_others_have_not_done_is_named_and_exits_with_75() {
    let bench = Bench::new();
    let args = |more: &[&'static str]| {
        let base = ["run", "p.toml", "--partition", "0/2", "--no-help"];
        [base.as_slice(), more].concat()
    };
    let (_, stderr) = bench.expect(75, &args(&[]));
    assert!(stderr.contains("encode: 1 of 2 units are not done yet:"), "{stderr}");
    assert!(stderr.contains("encode/part-000001 (not started)"), "{stderr}");
    let (_, stderr) = bench.expect(75, &args(&["--from", "generate"]));
    assert!(stderr.contains("encode/part-000001"), "{stderr}");
    // The other one helps: it does its share and the rest.
    bench.expect(0, &["run", "p.toml", "--partition", "1/2"]);
    bench.give_run("alone", &[]);
    assert!(contents(&bench.path("run")) == contents(&bench.path("alone")));
}

#[test]
fn a_place_is_for_one_and_force_is_for_none() {
    let bench = Bench::new();
    let slow = ["run", "p.toml", "--partition", "0/2", "--set", "generate.steps=400"];
    let mut first = bench.command(&slow).spawn().unwrap();
    // Its place is taken, and then the record of the run is written, which `status` reads.
    while !["run/workers/0-of-2.json", "run/run.json"].iter().all(|file| bench.path(file).exists())
    {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (_, stderr) = bench.expect(75, &["run", "p.toml", "--partition", "0/2"]);
    assert!(stderr.contains("worker 0-of-2 is already running there (process "), "{stderr}");
    let (_, stderr) = bench.expect(75, &["run", "p.toml"]);
    assert!(stderr.contains("worker 0-of-2 is already running there"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--partition", "1/2", "--force"]);
    assert!(stderr.contains("--force removes results"), "{stderr}");
    let (table, _) = bench.expect(0, &["status", "run"]);
    assert!(table.contains("0-of-2       working"), "{table}");
    first.kill().unwrap();
    first.wait().unwrap();
    let (table, _) = bench.expect(0, &["status", "run"]);
    assert!(table.contains("0-of-2       died"), "{table}");
    for wrong in ["2/2", "x", "auto"] {
        let (_, stderr) = bench.expect(2, &["run", "p.toml", "--partition", wrong]);
        assert!(stderr.contains("I/N"), "{stderr}");
    }
    // Other settings than results were made with are refused like anywhere.
    bench.expect(0, &["run", "p.toml", "--partition", "0/1"]);
    let (_, stderr) =
        bench.expect(2, &["run", "p.toml", "--partition", "0/1", "--set", "generate.steps=5"]);
    assert!(stderr.contains("generate.steps: 6 → 5") && stderr.contains("--force"), "{stderr}");
}
