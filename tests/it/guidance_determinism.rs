//! Whatever terms of guidance are in use: the same bytes whatever the workers, devices and interruptions.

use crate::harness::Bench;
use crate::skip;
use std::process::Child;
use std::time::{Duration, Instant};

/// Each term, with a setting that takes it into use and its range.
const TERMS: [(&str, f64, f64); 8] = [
    ("start.sigma", 0.3, 12.0),
    ("prompt-noise.strength", 0.01, 0.3),
    ("interval.from", 0.1, 0.4),
    ("anchor.strength", 0.2, 1.0),
    ("low-frequency.strength", 0.2, 1.0),
    ("distribution.strength", 0.05, 0.5),
    ("repulsion.strength", 0.05, 0.5),
    ("class-mean.strength", 0.1, 1.0),
];

/// Numbers from 0 to 1 that follow from a seed (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Random settings of a random choice of terms; of all of them if `all`.
fn settings(seed: u64, all: bool) -> Vec<String> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ seed);
    let algorithms = ["density", "kmeans", "herding"];
    let kinds = ["spread", "mean", "centroid"];
    let mut sets = vec![
        "guidance=none".to_owned(),
        format!("algorithm={}", algorithms[(random.next() * 3.0) as usize]),
        format!("anchor.kind={}", kinds[(random.next() * 3.0) as usize]),
        format!("anchor.members={}", 1 + (random.next() * 9.0) as usize),
        format!("generate.batch={}", 2 + (random.next() * 4.0) as usize),
    ];
    for (key, least, most) in TERMS {
        let (taken, value) = (random.next() < 0.6, least + random.next() * (most - least));
        if all || taken {
            sets.push(format!("guidance.{key}={value:.3}"));
        }
    }
    sets
}

fn arguments<'a>(run: &'a str, sets: &'a [String]) -> Vec<&'a str> {
    // A pipeline that gives γ has the published pull; this one has none.
    let mut arguments = vec!["run", "q.toml", "--run-dir", run];
    sets.iter().for_each(|set| arguments.extend(["--set", set]));
    arguments
}

/// A bench with a pipeline `q.toml` that says nothing of the search, the anchors and guidance.
fn bench() -> Bench {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let left_out = ["algorithm", "n_neighbors", "min_cluster_size", "kind", "gamma"];
    let lines = text.lines().filter(|line| !left_out.iter().any(|key| line.starts_with(key)));
    std::fs::write(bench.path("q.toml"), lines.map(|line| format!("{line}\n")).collect::<String>())
        .unwrap();
    bench
}

fn generated(bench: &Bench, run: &str) -> usize {
    let events = std::fs::read_to_string(bench.path(run).join("events.jsonl")).unwrap_or_default();
    let done = |line: &&str| line.contains("unit_finished") && line.contains("\"generate/");
    events.lines().filter(done).count()
}

/// Kills the run as soon as one batch is generated; whether it was still running.
fn killed(bench: &Bench, mut child: Child, run: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(300);
    while generated(bench, run) < 1 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "no batch after five minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

#[test]
fn random_settings_of_terms_give_the_same_bytes_whatever_happens() {
    let bench = bench();
    let mut kills = 0;
    for seed in 0..4 {
        let sets = settings(seed, seed == 0);
        let name = |kind: &str| format!("{kind}-{seed}");
        let (one, many, broken) = (name("one"), name("many"), name("broken"));
        let single: Vec<String> = sets.iter().cloned().chain(["workers=1".to_owned()]).collect();
        bench.expect(0, &arguments(&one, &single));
        let several: Vec<String> = sets.iter().cloned().chain(["workers=4".to_owned()]).collect();
        bench.expect(0, &arguments(&many, &several));
        assert_eq!(bench.results(&one), bench.results(&many), "{sets:?}");
        let child = bench.command(&arguments(&broken, &sets)).spawn().unwrap();
        kills += usize::from(killed(&bench, child, &broken));
        bench.expect(0, &arguments(&broken, &sets));
        assert_eq!(bench.results(&one), bench.results(&broken), "{sets:?}");
    }
    assert!(kills > 0, "no kill hit a living run");
}

#[test]
fn terms_that_couple_images_give_the_same_bytes_on_any_number_of_cards() {
    if !cfg!(debug_assertions) {
        return skip::here("a release build pretends no cards");
    }
    let bench = bench();
    let sets = settings(0, true);
    bench.expect(0, &arguments("host", &sets));
    let cards: Vec<String> = sets.iter().cloned().chain(["devices=auto".to_owned()]).collect();
    let mut command = bench.command(&arguments("cards", &cards));
    let output = command.env("CODA_PRETEND_CARDS", "3").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bench.results("host"), bench.results("cards"));
}
