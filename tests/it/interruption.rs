//! Death at any moment, by the real signal to the real process.

use crate::harness::Bench;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// Waits until the run says that it heard `signal`; what it says after that.
fn heard(child: &mut Child, signal: &str) -> impl Iterator<Item = String> + use<> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = stderr.lines().map_while(Result::ok);
    let answer = format!("{signal}: finishing the units under way");
    assert!(said.any(|line| line.contains(&answer)), "{signal} was not heard");
    said
}

/// Starts a run and waits until the run directory has `events` finished units; `None` if it ended before.
fn run_until(bench: &Bench, run: &str, events: usize) -> Option<Child> {
    let mut child = bench.command(&["run", "p.toml", "--run-dir", run]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while bench.events(run, "unit_finished") < events {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the run failed by itself: {status}");
            return None;
        }
        assert!(Instant::now() < deadline, "no {events} units after five minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(child)
}

#[test]
fn killed_ten_times_the_results_are_the_same_bytes() {
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    // 2 shards, 1 group of classes, 3 classes, 2 shards fetched, 3 anchors, 3 batches, 2 tars: a kill as soon as each further unit is finished.
    let units = bench.events("whole", "unit_finished");
    assert_eq!(units, 16);
    let mut kills = 0;
    for finished in [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15] {
        if let Some(mut child) = run_until(&bench, "killed", finished) {
            signal(&child, "-KILL");
            child.wait().unwrap();
            kills += 1;
        }
    }
    assert!(kills >= 10, "only {kills} kills hit a living run");
    bench.expect(0, &["run", "p.toml", "--run-dir", "killed"]);
    assert_eq!(bench.results("killed"), bench.results("whole"));
    let leftovers = walk(&bench.path("killed")).into_iter().filter(|f| f.ends_with(".tmp")).count();
    assert_eq!(leftovers, 0);
}

/// Slurm sends SIGUSR1 ahead of the end of an allocation, if asked to, and SIGTERM at it. That what is under way is finished:
/// `graceful_stop.rs`.
#[test]
fn sigint_sigterm_and_slurms_sigusr1_end_the_run_in_order_and_leave_a_resumable_folder() {
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    for name in ["INT", "TERM", "USR1"] {
        let mut child = run_until(&bench, name, 1).expect("a run to interrupt");
        signal(&child, &format!("-{name}"));
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{name}: {status}");
        let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        assert!(stderr.contains(&format!("SIG{name}: finishing the units under way")), "{stderr}");
        assert!(stderr.contains("run the same command again to continue"), "{stderr}");
        assert!(!bench.path(name).join("lock.holder").exists(), "the lock is given back");
        bench.expect(0, &["run", "p.toml", "--run-dir", name]);
        assert_eq!(bench.results(name), bench.results("whole"), "{name}");
    }
}

/// Starts generation in batches that take far longer than the time units under way are given.
fn generating(bench: &Bench) -> Child {
    let slow = ["run", "p.toml", "--set", "steps=999", "--set", "generate.batch=12"];
    let mut child = bench.command(&slow).spawn().unwrap();
    while bench.events("run", "stage_started") < 6 {
        assert!(child.try_wait().unwrap().is_none(), "ended before generation");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_second_signal_ends_the_run_at_once_and_the_folder_stays_resumable() {
    let bench = Bench::new();
    let mut child = generating(&bench);
    signal(&child, "-INT");
    let _said = heard(&mut child, "SIGINT");
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // An orderly end is an event; the units under way were not waited for.
    assert_eq!(bench.events("run", "run_finished"), 0);
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--force"]);
    assert!(stderr.contains("stopped without releasing its claim"), "{stderr}");
    bench.give_run("whole", &[]);
    assert_eq!(bench.results("run"), bench.results("whole"));
}

/// Slurm's, to the process and to the shell before it, which hands it on; a later one is a request of its own.
#[test]
fn a_sigterm_that_comes_twice_at_once_is_one() {
    let bench = Bench::new();
    let mut child = generating(&bench);
    signal(&child, "-TERM");
    let _said = heard(&mut child, "SIGTERM");
    signal(&child, "-TERM");
    // Longer than the time within which the two are one.
    std::thread::sleep(Duration::from_millis(2500));
    assert!(child.try_wait().unwrap().is_none(), "the second one ended it at once");
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(bench.events("run", "run_finished"), 0, "the third one did not");
}

/// Else it would go back into the queue for ever, to begin the same unit again.
#[test]
fn a_worker_that_is_warned_before_one_unit_is_finished_says_that_its_time_is_too_short() {
    let bench = Bench::new();
    // A batch is filled up to its size: minutes for the twelve images.
    let slow = ["run", "p.toml", "--set", "steps=999", "--set", "generate.batch=48"];
    bench.expect(0, &[&slow[..], &["--until", "anchor"]].concat());
    let mut child = bench.command(&[&slow[..], &["--partition", "0/1"]].concat()).spawn().unwrap();
    let begun = || {
        let entries = std::fs::read_dir(bench.path("run/generate")).into_iter().flatten().flatten();
        entries.map(|e| e.file_name()).any(|name| name.to_string_lossy().ends_with(".claim"))
    };
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "ended before generation");
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "-USR1");
    let status = child.wait().unwrap();
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(75), "{stderr}");
    assert!(stderr.contains("--time") && stderr.contains("longest unit"), "{stderr}");
    let (table, _) = bench.expect(0, &["status", "run"]);
    assert!(table.contains("0-of-1       incomplete"), "{table}");
}

#[test]
fn two_runs_never_share_a_folder() {
    let bench = Bench::new();
    let mut child = run_until(&bench, "run", 1).expect("a run that holds the lock");
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("locked by another run (process "), "{stderr}");
    // A worker is started again by its scheduler.
    let (_, stderr) = bench.expect(75, &["run", "p.toml", "--partition", "0/2"]);
    assert!(stderr.contains("locked by another run (process "), "{stderr}");
    signal(&child, "-KILL");
    child.wait().unwrap();
    bench.expect(0, &["run", "p.toml"]);
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files
}
