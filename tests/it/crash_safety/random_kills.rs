//! SIGKILL at random times, to the real process, over all stages: what an out-of-memory killer, a scheduler or a lost
//! machine does. `CODA_CRASHES` is the number of kills (12 unless given), `CODA_CRASH_SEED` repeats a sequence.

use crate::harness::{Bench, contents};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Numbers that look random, by xorshift.
pub struct Dice(u64);

impl Dice {
    /// By `CODA_CRASH_SEED`, else by the clock; said, so that it can be repeated.
    pub fn from_environment(what: &str) -> Self {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = from_environment("CODA_CRASH_SEED").unwrap_or(clock.as_nanos() as u64 | 1);
        eprintln!("{what}, CODA_CRASH_SEED={seed}");
        Self(seed.max(1))
    }

    /// Between 0 and 1.
    pub fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

/// The stage that a run folder was last in, by its events.
fn stage_of(bench: &Bench, run: &str) -> String {
    let text = std::fs::read_to_string(bench.path(run).join("events.jsonl")).unwrap_or_default();
    let last_run = text.rsplit("\"run_started\"").next().unwrap_or_default().to_owned();
    let started = last_run.rsplit("\"event\":\"stage_started\",\"stage\":\"").next();
    match started.filter(|_| last_run.contains("\"stage_started\"")) {
        Some(stage) => stage.split('"').next().unwrap_or_default().to_owned(),
        None => "start".to_owned(),
    }
}

#[test]
fn killed_at_random_times_the_results_are_the_same_bytes() {
    let crashes = from_environment("CODA_CRASHES").unwrap_or(12);
    let mut dice = Dice::from_environment(&format!("{crashes} crashes"));
    let bench = Bench::new();
    let started = Instant::now();
    bench.expect(0, &["run", "p.toml", "--run-dir", "whole"]);
    let takes = started.elapsed();
    let whole = contents(&bench.path("whole"));

    let (mut killed, mut resumed, mut compared) = (BTreeMap::<String, u64>::new(), 0, 0);
    while killed.values().sum::<u64>() < crashes {
        let mut child = bench.command(&["run", "p.toml"]).spawn().unwrap();
        std::thread::sleep(takes.mul_f64(dice.roll()).max(Duration::from_millis(1)));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "a resumed run failed: {status}");
            assert!(contents(&bench.path("run")) == whole, "other results");
            std::fs::remove_dir_all(bench.path("run")).unwrap();
            compared += 1;
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        *killed.entry(stage_of(&bench, "run")).or_default() += 1;
        resumed += 1;
    }
    bench.expect(0, &["run", "p.toml"]);
    assert!(contents(&bench.path("run")) == whole, "other results");
    eprintln!("killed in {killed:?}; {resumed} resumptions, {} folders compared", compared + 1);
    if crashes >= 100 {
        for stage in ["encode", "discover", "generate", "assemble"] {
            assert!(killed.contains_key(stage), "no kill in {stage}: {killed:?}");
        }
    }
}
