//! The demo itself, at its real size: what a newcomer sees.

use crate::harness::{Bench, checkout, read_shard};
use crate::other_programs::tables as python;
use std::collections::BTreeMap;

const G: &str = "distilled/demo-000000.tar";
const R: &str = "cores/demo-cores-000000.tar";

/// Mean squared difference in grey levels between the images of equal keys.
fn distance(bench: &Bench, generated: &str, real: &str) -> f64 {
    let (generated, real) = (read_shard(&bench.path(generated)), read_shard(&bench.path(real)));
    let pixels = |png: &[u8]| image::load_from_memory(png).unwrap().to_luma8().into_raw();
    let (mut sum, mut count) = (0.0, 0.0);
    for (key, members) in &generated {
        let (a, b) = (pixels(&members["png"]), pixels(&real[key]["png"]));
        sum += a.iter().zip(&b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>();
        count += a.len() as f64;
    }
    sum / count
}

fn check_set(bench: &Bench, tar: &str) {
    let samples = read_shard(&bench.path(tar));
    assert_eq!(samples.len(), 100, "{tar}");
    let mut labels = BTreeMap::new();
    for members in samples.values() {
        *labels.entry(String::from_utf8(members["cls"].clone()).unwrap()).or_insert(0) += 1;
    }
    let expected: BTreeMap<String, i32> = (0..10).map(|d| (d.to_string(), 10)).collect();
    assert_eq!(labels, expected, "{tar}");
    if let Some(seen) = python::webdataset(&bench.path(tar)) {
        assert_eq!(seen["samples"], 100, "{tar}: {seen}");
        assert_eq!(seen["labels"], serde_json::to_value(&expected).unwrap(), "{tar}");
        assert_eq!(seen["exts"], serde_json::json!({"cls": 100, "json": 100, "png": 100}), "{tar}");
    }
}

fn pipeline() -> String {
    checkout().join("pipelines/demo.toml").to_str().unwrap().to_owned()
}

/// A bench with the checkout's demo in the run directory `demo`. One thread a graph, as in `harness`.
pub fn finished() -> Bench {
    Bench::prepared("the demo", |bench| {
        bench.expect(0, &["run", &pipeline(), "--run-dir", "demo", "--set", "threads=1"]);
    })
}

#[test]
fn the_demo_writes_like_its_data() {
    let (bench, demo) = (finished(), pipeline());
    let demo = demo.as_str();
    check_set(&bench, &format!("demo/{G}"));
    check_set(&bench, &format!("demo/{R}"));
    let guided = distance(&bench, &format!("demo/{G}"), &format!("demo/{R}"));

    // The same prompts and seeds without guidance: only generation and what follows it is done again.
    let again =
        ["run", demo, "--run-dir", "demo", "--set", "gamma=0", "--set", "threads=1", "--force"];
    let (_, stderr) = bench.expect(0, &again);
    assert!(stderr.contains("discover  10 of 10 units done before"), "{stderr}");
    let unguided = distance(&bench, &format!("demo/{G}"), &format!("demo/{R}"));
    assert!(guided < 0.3 * unguided, "guided {guided:.0}, unguided {unguided:.0}");
}
