//! Real and generated images in one set: who decides, and that each says which it is.

use crate::harness::{Bench, read_shard};
use coda_pipe::internals::store::tables::{MixRow, read_mix};
use serde_json::Value;
use std::collections::BTreeMap;

const FORWARD: [&str; 4] = ["run", "p.toml", "--set", "mix=forward"];

fn choices(bench: &Bench, run: &str) -> BTreeMap<String, MixRow> {
    let mut all = BTreeMap::new();
    for class in ["0", "1", "2"] {
        let rows = read_mix(&bench.path(&format!("{run}/mix/{class}.parquet"))).unwrap();
        all.extend(rows.into_iter().map(|row| (format!("{class}_{:04}", row.rank), row)));
    }
    assert_eq!(all.len(), 12);
    all
}

#[test]
fn images_that_the_model_does_not_know_are_real_and_say_so() {
    let bench = Bench::with_run(&[]);
    let set = |run: &str, name: &str| read_shard(&bench.path(run).join(name));
    let generated = set("run", "distilled/mini-000000.tar");
    let real = set("run", "cores/mini-cores-000000.tar");
    for sample in generated.values() {
        let meta: Value = serde_json::from_slice(&sample["json"]).unwrap();
        assert!(meta["source"].is_null() && meta["prompt_gap"].is_null());
    }
    assert!(!bench.path("run/mix").exists());

    bench.expect(0, &[&FORWARD[..], &["--until", "mix", "--run-dir", "mixed"]].concat());
    let gaps = choices(&bench, "mixed");
    assert!(gaps.values().all(|row| row.prompt_gap < 1.0 && row.real == (row.prompt_gap < 0.0)));
    let mut sorted: Vec<f64> = gaps.values().map(|row| row.prompt_gap).collect();
    sorted.sort_by(f64::total_cmp);
    assert!(sorted[11] - sorted[0] > 1e-3, "all images are alike to the model: {sorted:?}");
    // With a margin between them, half of the images are real.
    let margin = format!("mix_margin={}", f64::midpoint(sorted[5], sorted[6]));
    let mixed = [&FORWARD[..], &["--set", &margin, "--run-dir", "mixed", "--force"]].concat();
    let (_, said) = bench.expect(0, &mixed);
    assert!(said.contains("mix       3 units, 12 samples"), "{said}");
    let again = choices(&bench, "mixed");
    for (key, sample) in set("mixed", "distilled/mini-000000.tar") {
        let meta: Value = serde_json::from_slice(&sample["json"]).unwrap();
        let choice = again[&key];
        assert_eq!(choice.prompt_gap, gaps[&key].prompt_gap);
        let said = meta["prompt_gap"].as_f64().unwrap();
        // serde_json reads the last bit of a number as it likes.
        assert!((said - choice.prompt_gap).abs() < 1e-12, "{said}: {choice:?}");
        assert_eq!(choice.real, sorted[..6].contains(&choice.prompt_gap));
        assert_eq!(meta["source"], if choice.real { "real" } else { "generated" });
        let from = if choice.real { &real } else { &generated };
        assert_eq!(sample["png"], from[&key]["png"], "{key}");
        assert_eq!(sample["cls"], generated[&key]["cls"]);
        assert_eq!(meta["seed"].is_null(), choice.real, "{meta}");
    }
    // The same choices and bytes from other workers, and a batch on its own.
    let other = [&FORWARD[..], &["--set", &margin, "--set", "workers=1", "--run-dir", "other"]];
    bench.expect(0, &other.concat());
    assert_eq!(bench.results("mixed"), bench.results("other"));
    bench.expect(0, &["verify", "mixed"]);
    let (_, said) = bench.expect(0, &mixed[..mixed.len() - 1]);
    assert!(said.contains("mix       3 of 3 units done before"), "{said}");
}
