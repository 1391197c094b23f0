//! The audit for copies: real images among the generated ones are found, guided ones are not taken for copies.

use crate::harness::{Bench, digits};
use coda_pipe::internals::imaging::{DecodeOptions, decode_rgb, encode_png, resize_lanczos};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is planted: class and rank of the generated image that is replaced, and the real image that takes its place,
/// of whatever class, by its place among the bench's digits.
const PLANTED: [(&str, usize, usize); 5] =
    [("0", 0, 3), ("0", 3, 40), ("1", 1, 77), ("2", 0, 12), ("2", 2, 89)];

/// Writes real images over generated ones, as `size` × `size` PNGs; answers with their keys by `CLASS/RANK`.
fn plant(bench: &Bench, size: u32) -> BTreeMap<String, String> {
    let samples = digits(30);
    let mut planted = BTreeMap::new();
    for (class, rank, which) in PLANTED {
        let sample = &samples[which];
        let member = sample.members.iter().find(|m| m.extension != "cls").unwrap();
        let image = decode_rgb(&member.bytes, DecodeOptions::default()).unwrap();
        let png = encode_png(&resize_lanczos(&image, size, size).unwrap()).unwrap();
        std::fs::write(bench.path(&format!("run/generate/{class}/{rank:04}.png")), png).unwrap();
        planted.insert(format!("{class}/{rank}"), sample.key.clone());
    }
    planted
}

fn audit(bench: &Bench) -> Value {
    serde_json::from_str(&bench.expect(0, &["audit", "run", "--json"]).0).unwrap()
}

fn flagged(found: &Value) -> BTreeMap<String, String> {
    let flags = found["flagged"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    flags.map(|f| (format!("{}/{}", text(&f["class"]), f["rank"]), text(&f["key"]))).collect()
}

#[test]
fn five_planted_real_images_are_flagged_and_hardly_another() {
    let bench = Bench::with_run(&[]);
    let before = audit(&bench);
    assert_eq!((before["images"].as_u64(), before["real"].as_u64()), (Some(12), Some(90)));
    assert!(flagged(&before).len() <= 1, "{before:#}");

    let planted = plant(&bench, 32);
    let found = flagged(&audit(&bench));
    for (place, key) in &planted {
        assert_eq!(found.get(place), Some(key), "{place} was planted: {found:?}");
    }
    assert!(found.len() <= 6, "{found:?}");
    let (said, _) = bench.expect(0, &["audit", "run"]);
    assert!(said.contains("class 1 image 0001: nearest"), "{said}");

    // It is in nobody's way: a run sees no change in settings, and `verify` finds just what was planted.
    let (_, said) = bench.expect(1, &["verify", "run"]);
    assert!(said.contains("units are damaged"), "{said}");
}

#[test]
fn copies_of_another_size_are_flagged_too() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--set", "output.size=48"]);
    let planted = plant(&bench, 48);
    let found = flagged(&audit(&bench));
    assert!(planted.iter().all(|(place, key)| found.get(place) == Some(key)), "{found:?}");
    assert!(found.len() <= 6, "{found:?}");
}

#[test]
fn what_holds_is_not_done_again_and_comes_out_the_same() {
    let bench = Bench::with_run(&[]);
    bench.expect(0, &["audit", "run"]);
    let read = |name: &str| std::fs::read(bench.path(&format!("run/audit/{name}"))).unwrap();
    let results = || [read("copies.parquet"), read("summary.json")];
    let receipt = || read("images/1.receipt.json");
    let (first, done) = (results(), receipt());
    let (_, said) = bench.expect(0, &["audit", "run"]);
    assert!(!said.contains("ONNX Runtime"), "the model was loaded for nothing: {said}");
    assert_eq!(receipt(), done);
    // Lost and made anew: the same bytes.
    std::fs::remove_file(bench.path("run/audit/images/1.parquet")).unwrap();
    std::fs::remove_file(bench.path("run/audit/copies.parquet")).unwrap();
    bench.expect(0, &["audit", "run"]);
    assert_eq!(results(), first);
    // Another threshold is another audit.
    let (said, _) = bench.expect(0, &["audit", "run", "--threshold", "1000"]);
    assert!(said.contains("12 flagged"), "{said}");
    let (_, said) = bench.expect(0, &["run", "p.toml"]);
    assert!(!said.contains("stale"), "{said}");
    bench.expect(0, &["verify", "run"]);
    bench.expect(2, &["audit", "run", "--threshold=-1"]);
}

#[test]
fn without_images_it_says_so() {
    let bench = Bench::with_run(&["--until", "discover"]);
    let (_, said) = bench.expect(1, &["audit", "run"]);
    assert!(said.contains("no generated image in"), "{said}");
    let (_, said) = bench.expect(1, &["audit", "nowhere"]);
    assert!(said.contains("no run in"), "{said}");
}
