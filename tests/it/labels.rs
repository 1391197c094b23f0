//! Labels as data sets have them, and what becomes of them in the result.

use crate::harness::{Bench, digits, read_shard, write_shard};
use serde_json::Value;
use std::collections::BTreeMap;

/// A bench without a class list, whose shard has nine digits; the first is labelled `odd`.
fn labelled(odd: &str) -> Bench {
    let bench = Bench::new();
    let mut samples = digits(3);
    for member in &mut samples[0].members {
        if member.extension == "cls" {
            member.bytes = odd.as_bytes().to_vec();
        }
    }
    write_shard(&bench.path("s.tar"), &samples);
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let text = text.replace("classes = \"classes.txt\"\n", "");
    let text = text.replace("train-{000000..000001}.tar", "s.tar");
    let text = text.replace("\"coda\"", "\"random\"").replace("ipc = 4", "ipc = 1");
    std::fs::write(bench.path("p.toml"), text.replace("steps = 6", "steps = 1")).unwrap();
    bench
}

/// Class key of each label in a set.
fn labels(bench: &Bench, set: &str) -> BTreeMap<String, String> {
    let samples = read_shard(&bench.path("run").join(set));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pair = |members: &BTreeMap<String, Vec<u8>>| {
        let meta: Value = serde_json::from_slice(&members["json"]).unwrap();
        (text(&members["cls"]), meta["class"].as_str().unwrap().to_owned())
    };
    samples.values().map(pair).collect()
}

#[test]
fn one_odd_label_that_renumbers_the_others_is_told_and_the_map_lies_beside_both_sets() {
    let bench = labelled("none");
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("warning: 3 of 4 classes have whole numbers"), "{stderr}");
    assert!(stderr.contains("(`none`)"), "{stderr}");
    assert!(stderr.contains("run/distilled/mini.classes.json maps labels to classes"), "{stderr}");
    for (set, map) in [
        ("distilled/mini-000000.tar", "distilled/mini.classes.json"),
        ("cores/mini-cores-000000.tar", "cores/mini-cores.classes.json"),
    ] {
        let text = std::fs::read(bench.path("run").join(map)).unwrap();
        let map: BTreeMap<String, Value> = serde_json::from_slice(&text).unwrap();
        let map: BTreeMap<String, String> = map
            .into_iter()
            .map(|(label, class)| (label, class["class"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(map.len(), 4);
        assert_eq!(labels(&bench, set), map);
    }
    bench.expect(0, &["verify", "run"]);
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");
    std::fs::remove_file(bench.path("run/distilled/mini.classes.json")).unwrap();
    bench.expect(0, &["run", "p.toml"]);
    assert!(bench.path("run/distilled/mini.classes.json").exists());
}

#[test]
fn whole_numbers_stay_the_labels_they_were() {
    for (odd, label) in [("-1", "-1"), ("7.0", "7"), ("\u{feff}8", "8")] {
        let bench = labelled(odd);
        bench.expect(0, &["run", "p.toml"]);
        for set in ["distilled/mini-000000.tar", "cores/mini-cores-000000.tar"] {
            let labels = labels(&bench, set).into_keys().collect::<Vec<_>>();
            let mut expected = vec!["0".to_owned(), "1".to_owned(), "2".to_owned()];
            expected.push(label.to_owned());
            expected.sort();
            assert_eq!(labels, expected, "{odd}");
        }
        assert!(!bench.path("run/distilled/mini.classes.json").exists());
    }
}

#[test]
fn labels_that_look_the_same_are_told_and_shown_as_they_are() {
    let bench = labelled("2\u{200b}");
    let run = ["run", "p.toml", "--until", "discover"];
    let (_, stderr) = bench.expect(0, &run);
    assert!(stderr.contains("invisible characters: `2`, `2\\u{200b}`"), "{stderr}");
    let mut samples = digits(1);
    samples[0].key = "a\u{202e}b".to_owned();
    write_shard(&bench.path("s.tar"), &samples);
    let (stdout, _) = bench.expect(0, &["shards", "ls", "s.tar", "--label", "cls"]);
    assert!(stdout.contains("a\\u{202e}b") && !stdout.contains('\u{202e}'), "{stdout}");
}
