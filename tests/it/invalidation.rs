//! What is done again, and what is not: changed settings, changed shards, failures.

use crate::harness::{Bench, contents};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Units finished of each stage since `from` events of that kind.
fn finished_since(bench: &Bench, from: usize) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(bench.path("run/events.jsonl")).unwrap();
    let lines = text.lines().filter(|line| line.contains("\"event\":\"unit_finished\""));
    let mut units = BTreeMap::new();
    for line in lines.skip(from) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let stage = event["unit"].as_str().unwrap().split('/').next().unwrap().to_owned();
        *units.entry(stage).or_default() += 1;
    }
    units
}

fn counted(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    of.iter().map(|(stage, units)| ((*stage).to_owned(), *units)).collect()
}

#[test]
fn changed_settings_of_all_stages_are_shown_at_once_and_force_redoes_those_alone() {
    let bench = Bench::with_run(&[]);
    let changed = ["run", "p.toml", "--set", "n_neighbors=9", "--set", "steps=5"];
    let (_, stderr) = bench.expect(2, &changed);
    assert!(stderr.contains("discover: 3 units\n  discover.n_neighbors: 10 → 9"), "{stderr}");
    assert!(stderr.contains("generate: 3 units\n  generate.steps: 6 → 5"), "{stderr}");
    assert!(stderr.contains("and the results of fetch, anchor, assemble that depend"), "{stderr}");
    assert!(!stderr.contains("encode: "), "{stderr}");

    let before = bench.events("run", "unit_finished");
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--set", "steps=5", "--force"]);
    assert!(stderr.contains("redone by --force: generate: 3 units"), "{stderr}");
    // The real cores' tar does not depend on generation.
    let redone = counted(&[("generate", 3), ("assemble", 1)]);
    assert_eq!(finished_since(&bench, before), redone);
}

#[test]
fn a_setting_that_the_algorithm_does_not_look_at_makes_nothing_stale() {
    let bench = Bench::new();
    let kmeans = ["run", "p.toml", "--set", "algorithm=kmeans", "--set", "neighbors=exact"];
    bench.expect(0, &kmeans);
    let before = bench.events("run", "unit_finished");
    let idle = ["--set", "n_neighbors=9", "--set", "min_cluster_size=5", "--set", "components=4"];
    let (_, stderr) = bench.expect(0, &[&kmeans[..], &idle].concat());
    assert!(stderr.contains("discover.n_neighbors has no effect"), "{stderr}");
    assert_eq!(bench.events("run", "unit_finished"), before);
    // What it does look at is still held against what was done; what it doesn't is no reason.
    let (_, stderr) = bench.expect(2, &[&kmeans[..], &["--set", "discover.seed=9"]].concat());
    assert!(stderr.contains("discover.seed: "), "{stderr}");
    let (_, stderr) = bench.expect(2, &["run", "p.toml"]);
    assert!(stderr.contains("discover.algorithm: \"kmeans\" → \"coda\""), "{stderr}");
    assert!(!stderr.contains("discover.n_neighbors"), "{stderr}");
    // Told before anything is computed, also where a stage ahead has work to do.
    std::fs::remove_file(bench.path("run/encode/part-000000.receipt.json")).unwrap();
    let (_, stderr) = bench.expect(2, &[&kmeans[..], &["--set", "pca=5"]].concat());
    assert!(stderr.contains("discover.pca: 0 → 5"), "{stderr}");
}

#[test]
fn a_later_stages_changed_setting_refuses_before_anything_is_computed() {
    let bench = Bench::with_run(&[]);
    std::fs::remove_file(bench.path("run/encode/part-000000.receipt.json")).unwrap();
    let before = bench.events("run", "unit_finished");
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "gamma=0.3"]);
    assert!(stderr.contains("generate.gamma: 0.2 → 0.3"), "{stderr}");
    assert_eq!(bench.events("run", "unit_finished"), before);
    // It is no matter of a run that ends before.
    bench.expect(0, &["run", "p.toml", "--set", "gamma=0.3", "--until", "anchor"]);
}

#[test]
fn after_an_interrupted_forced_redo_status_does_not_count_old_receipts() {
    let bench = Bench::with_run(&[]);
    // As an interruption right after it would leave the folder.
    let changed = ["run", "p.toml", "--set", "encode.batch=3", "--force", "--only", "encode"];
    bench.expect(0, &changed);
    let (status, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let stages = status["stages"].as_array().unwrap();
    let row = |name: &str| stages.iter().find(|stage| stage["stage"] == name).unwrap();
    assert_eq!((&row("encode")["done"], &row("encode")["total"]), (&2.into(), &2.into()));
    for (later, units) in [("discover", 3), ("anchor", 3), ("generate", 3), ("assemble", 2)] {
        assert_eq!(row(later)["done"], 0, "{later}");
        assert_eq!(row(later)["earlier"], units, "{later}");
    }
    let (status, _) = bench.expect(0, &["status", "run"]);
    assert!(
        status.contains("3 from before a change: checked when the earlier stages are"),
        "{status}"
    );
    bench.expect(0, &["run", "p.toml", "--set", "encode.batch=3", "--force"]);
    let (status, _) = bench.expect(0, &["status", "run"]);
    assert!(status.contains("3/3") && !status.contains("from before"), "{status}");
}

#[test]
fn a_shard_that_changed_since_it_was_encoded_is_noticed() {
    let bench = Bench::with_run(&[]);
    let shard = std::fs::File::options().append(true).open(bench.path("train-000001.tar")).unwrap();
    shard.set_modified(SystemTime::now() + Duration::from_secs(7)).unwrap();
    let (_, stderr) = bench.expect(2, &["run", "p.toml"]);
    assert!(
        stderr.contains(
            "encode: 1 units\n  data.shards: the name, size or modification time of a shard changed"
        ),
        "{stderr}"
    );
    let before = bench.events("run", "unit_finished");
    bench.expect(0, &["run", "p.toml", "--force"]);
    // It holds the same images: nothing that depends on it comes out otherwise.
    assert_eq!(finished_since(&bench, before), counted(&[("encode", 1)]));
}

#[test]
fn retry_failed_makes_lost_images_and_what_depends_on_them() {
    let bench = Bench::new();
    let settings = ["--set", "max_failed=1", "--set", "generate.batch=4"];
    let run = [&["run", "p.toml"], &settings[..]].concat();
    bench.expect(0, &run);
    let whole = contents(&bench.path("run"));
    lose_an_image(&bench);
    let (_, stderr) = bench.expect(0, &[&run[..], &["--force"]].concat());
    assert!(stderr.contains("not generated: 1/2: a cosmic ray"), "{stderr}");
    assert!(stderr.contains("11 distilled images"), "{stderr}");

    let before = bench.events("run", "unit_finished");
    let again = [&run[..], &["--retry-failed"]].concat();
    let (_, stderr) = bench.expect(0, &again);
    let said = "retrying generate/batch-000001 (images 1/0 to 1/3): 1 failed";
    assert!(stderr.contains(said), "{stderr}");
    let redone = counted(&[("generate", 1), ("assemble", 1)]);
    assert_eq!(finished_since(&bench, before), redone);
    assert!(contents(&bench.path("run")) == whole);
    let (_, stderr) = bench.expect(0, &again);
    assert!(stderr.contains("--retry-failed has nothing to do"), "{stderr}");
}

/// As if the image of class 1, rank 2 had come to nothing.
fn lose_an_image(bench: &Bench) {
    let path = bench.path("run/generate/batch-000001.receipt.json");
    let mut receipt: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let image = "generate/1/0002.png";
    receipt["outputs"].as_array_mut().unwrap().retain(|output| output["file"] != image);
    receipt["faults"] = serde_json::json!([{"shard": "", "key": "1/2", "reason": "a cosmic ray"}]);
    std::fs::write(&path, receipt.to_string()).unwrap();
    std::fs::remove_file(bench.path("run").join(image)).unwrap();
}
