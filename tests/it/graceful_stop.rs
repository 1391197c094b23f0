//! Being asked to stop at many moments: what is under way is finished, nothing more is begun, and the results are the same.

use crate::harness::{Bench, contents, digits, write_shard};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// Moments a stage; more with CODA_STOPS=10.
fn moments(usual: usize) -> usize {
    std::env::var("CODA_STOPS").ok().and_then(|said| said.parse().ok()).unwrap_or(usual)
}

/// A shard is read through this: where there is a file `held`, it notes that it was begun and waits to be let through.
const GATE: &str = "if [ -e held ]; then echo part-$1 >> gate; until [ -e gate.open ]; do sleep 0.02; done; fi\n\
                    exec cat shard-$1.tar\n";

/// A bench of so many small shards, read through the gate.
fn gated(shards: usize) -> Bench {
    let bench = Bench::new();
    let samples = digits(30);
    for (number, part) in samples.chunks((samples.len() / shards).max(1)).enumerate() {
        write_shard(&bench.path(&format!("shard-{number:06}.tar")), part);
    }
    let made = samples.chunks((samples.len() / shards).max(1)).count();
    std::fs::write(bench.path("gate.sh"), GATE).unwrap();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let pipe = format!("pipe:sh gate.sh {{000000..{:06}}}", made - 1);
    let text = text.replace("train-{000000..000001}.tar", &pipe);
    let text = text.replace("algorithm = \"coda\"", "algorithm = \"kmeans\"");
    let text = text.replace("neighbors = \"hnsw\"", "neighbors = \"exact\"");
    let text = text.replace("ipc = 4", "ipc = 10").replace("steps = 6", "steps = 1");
    let text = text.replace("name = \"mini\"", "name = \"mini\"\nsamples_per_shard = 1");
    std::fs::write(bench.path("p.toml"), text).unwrap();
    bench
}

fn receipts(bench: &Bench, stage: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(bench.path("run").join(stage)).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(".receipt.json").map(str::to_owned)).collect()
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until `child` has so many units at the gate; `false` where it ended before.
fn at_gate(bench: &Bench, child: &mut Child, units: usize) -> bool {
    let deadline = Instant::now() + Duration::from_secs(300);
    while lines(&bench.path("gate")).len() < units {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "no unit came to the gate");
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// One moment: the run is stopped with units at the gate, which is then opened.
fn stop(bench: &Bench, stage: &str, faults: Option<&str>, (moment, units): (usize, usize)) {
    for file in ["gate", "gate.open"] {
        let _ = std::fs::remove_file(bench.path(file));
    }
    let before = receipts(bench, stage);
    let mut command = bench.command(&["run", "p.toml"]);
    if let Some(rule) = faults {
        command.env("CODA_PIPE_FAULTS", rule);
    }
    let mut child = command.spawn().unwrap();
    let came = at_gate(bench, &mut child, units);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(came, "{stage} ended before moment {moment}: {:?}", said.collect::<Vec<_>>());
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let heard = said.any(|line| line.contains("SIGTERM: finishing the units under way"));
    assert!(heard, "{stage} {moment}: the request was not heard");
    let under_way = lines(&bench.path("gate"));
    std::fs::write(bench.path("gate.open"), "").unwrap();
    let rest: Vec<String> = said.collect();
    let status = child.wait().unwrap();
    let finished: BTreeSet<String> = receipts(bench, stage).difference(&before).cloned().collect();
    eprintln!(
        "| {stage} | {moment} | {} | {} | {} |",
        under_way.len(),
        finished.len(),
        status.code().unwrap_or(-1)
    );
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert_eq!(lines(&bench.path("gate")), under_way, "{stage} {moment}: a unit was begun");
    assert!(finished.len() >= under_way.len(), "{stage} {moment}: {finished:?} of {under_way:?}");
    for unit in under_way.iter().filter(|unit| unit.starts_with("part-")) {
        assert!(finished.contains(unit), "{stage} {moment}: {unit} was dropped: {rest:?}");
    }
}

#[test]
fn stopped_at_ten_moments_the_units_under_way_are_finished_and_the_bytes_are_the_same() {
    let (encode, fetch, assemble) = (moments(4), moments(3), moments(3));
    let bench = gated(2 * encode.max(2 * fetch) + 2);
    eprintln!(
        "| stage | moment | units under way | units finished | exit code |\n|---|---|---|---|---|"
    );
    std::fs::write(bench.path("held"), "").unwrap();
    (0..encode).for_each(|moment| stop(&bench, "encode", None, (moment, 2)));
    std::fs::remove_file(bench.path("held")).unwrap();
    bench.expect(0, &["run", "p.toml", "--until", "discover"]);
    std::fs::write(bench.path("held"), "").unwrap();
    (0..fetch).for_each(|moment| stop(&bench, "fetch", None, (moment, 2)));
    std::fs::remove_file(bench.path("held")).unwrap();
    bench.expect(0, &["run", "p.toml", "--until", "generate"]);
    for moment in 0..assemble {
        // The tar is held when its temporary file has just been made.
        let gate = bench.path("gate");
        let rule = format!("hold:created:.tar:{}", gate.display());
        stop(&bench, "assemble", Some(&rule), (moment, 2));
    }
    bench.expect(0, &["run", "p.toml"]);
    bench.expect(0, &["run", "p.toml", "--run-dir", "whole"]);
    assert!(contents(&bench.path("run")) == contents(&bench.path("whole")), "other results");
}

/// How often a thread of `child` has given its processor back to wait for something.
fn waits_of(child: &Child, thread: &str) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let mut folders = tasks.map(|task| task.unwrap().path());
    let named = |path: &PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == thread)
    };
    let folder = folders.find(named).unwrap_or_else(|| panic!("no thread {thread}"));
    let status = std::fs::read_to_string(folder.join("status")).unwrap();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

#[test]
fn a_stop_is_heard_though_nobody_hears_of_it() {
    let bench = gated(4);
    std::fs::write(bench.path("held"), "").unwrap();
    let (gone, closed) = std::io::pipe().unwrap();
    drop(gone);
    let mut child = bench.command(&["run", "p.toml"]).stderr(closed).spawn().unwrap();
    assert!(at_gate(&bench, &mut child, 2));
    let waits = waits_of(&child, "signals");
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // The thread that waits for signals has woken and waits again.
    while waits_of(&child, "signals") == waits {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::write(bench.path("gate.open"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(receipts(&bench, "encode").len(), 2);
}
