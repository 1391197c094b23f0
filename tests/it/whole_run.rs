//! The whole way, once, and once more.

use crate::harness::{Bench, read_shard};

#[test]
fn a_run_distils_and_a_second_one_recomputes_nothing() {
    let bench = Bench::new();
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("12 distilled images of 3 classes"), "{stderr}");

    let distilled = read_shard(&bench.path("run/distilled/mini-000000.tar"));
    let cores = read_shard(&bench.path("run/cores/mini-cores-000000.tar"));
    let keys: Vec<_> = distilled.keys().cloned().collect();
    assert_eq!(keys.len(), 12);
    assert_eq!((keys[0].as_str(), keys[11].as_str()), ("0_0000", "2_0003"));
    assert_eq!(keys, cores.keys().cloned().collect::<Vec<_>>());
    for (key, members) in &distilled {
        let image = image::load_from_memory(&members["png"]).unwrap();
        assert_eq!((image.width(), image.height()), (32, 32));
        assert_eq!(members["cls"], &key.as_bytes()[..1]);
        let meta: serde_json::Value = serde_json::from_slice(&members["json"]).unwrap();
        assert_eq!(meta["class"], key[..1]);
        assert!(meta["seed"].is_u64() && meta["settings"]["gamma"].is_number(), "{meta}");
        let core: serde_json::Value = serde_json::from_slice(&cores[key]["json"]).unwrap();
        assert_eq!(meta["anchor_key"], core["anchor_key"]);
    }

    let before = bench.results("run");
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");
    assert_eq!(bench.results("run"), before);
}

#[test]
fn stages_run_apart_and_say_what_is_missing() {
    let bench = Bench::new();
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--only", "discover"]);
    assert!(stderr.contains("encode: only 0 of 2 units are done"), "{stderr}");
    bench.expect(0, &["run", "p.toml", "--until", "discover"]);
    assert!(!bench.path("run/anchor").exists());
    assert!(bench.path("run/discover/0/index.hnsw.graph").exists());
    bench.expect(0, &["run", "p.toml", "--from", "fetch"]);
    let whole = bench.results("run");
    bench.give_run("other", &[]);
    assert_eq!(whole, bench.results("other"));
}

#[test]
fn changed_settings_are_named_and_redone_only_by_force() {
    let bench = Bench::with_run(&[]);
    let before = bench.results("run");
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "gamma=0.4"]);
    assert!(stderr.contains("generate.gamma: 0.2") && stderr.contains("--force"), "{stderr}");
    assert_eq!(bench.results("run"), before);

    bench.expect(0, &["run", "p.toml", "--set", "gamma=0.4", "--force"]);
    let after = bench.results("run");
    assert_ne!(after["distilled/mini-000000.tar"], before["distilled/mini-000000.tar"]);
    assert_eq!(after["cores/mini-cores-000000.tar"], before["cores/mini-cores-000000.tar"]);
}

/// A forced redo leaves nothing of what it replaces: a folder read by `*.tar` must not hold two sets.
#[test]
fn a_forced_redo_leaves_nothing_behind_and_touches_no_stranger() {
    let bench = Bench::with_run(&[]);
    std::fs::write(bench.path("run/notes.tmp"), "mine").unwrap();
    let changed = ["--set", "ipc=2", "--set", "output.name=other", "--set", "neighbors=exact"];
    bench.expect(0, &[&["run", "p.toml", "--force"], changed.as_slice()].concat());
    for gone in ["distilled/mini-000000.tar", "generate/1/0003.png", "discover/1/index.hnsw.data"] {
        assert!(!bench.path("run").join(gone).exists(), "{gone}");
    }
    assert_eq!(bench.results("run").keys().filter(|name| name.contains("mini")).count(), 0);
    assert!(bench.path("run/notes.tmp").exists(), "a file that is not ours was swept");
}

/// What a refused run says of itself must stay true of the results that are there.
#[test]
fn a_refused_run_leaves_the_record_alone() {
    let bench = Bench::with_run(&[]);
    bench.expect(2, &["run", "p.toml", "--set", "gamma=0.4"]);
    let (status, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["record"]["settings"]["generate"]["gamma"], 0.2);
}

#[test]
fn a_damaged_output_is_made_again() {
    let bench = Bench::with_run(&[]);
    let before = bench.results("run");
    let image = bench.path("run/generate/1/0002.png");
    std::fs::write(&image, "short").unwrap();
    std::fs::remove_file(bench.path("run/distilled/mini-000000.tar")).unwrap();
    bench.expect(0, &["run", "p.toml"]);
    assert_eq!(bench.results("run"), before);
    assert!(std::fs::metadata(&image).unwrap().len() > 5);
}
