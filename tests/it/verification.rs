//! `coda-pipe verify`: reading everything, and having made anew what is damaged.

use crate::harness::{Bench, contents};
use std::path::Path;

/// Flips one bit in the middle of a file.
fn rot(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_folder_verifies_and_a_stranger_is_named() {
    let bench = Bench::with_run(&[]);
    let (stdout, _) = bench.expect(0, &["verify", "run"]);
    assert!(stdout.contains("16 units, ") && stdout.contains(" 0 damaged, 0 in no"), "{stdout}");
    std::fs::write(bench.path("run/distilled/notes.txt"), "mine").unwrap();
    let (stdout, _) = bench.expect(0, &["verify", "run"]);
    assert!(stdout.contains("distilled/notes.txt is in no receipt"), "{stdout}");
    bench.expect(1, &["verify", "."]);
}

#[test]
fn damage_that_run_cannot_see_is_found_named_and_repaired_alone() {
    let bench = Bench::with_run(&["--set", "generate.batch=4"]);
    let whole = contents(&bench.path("run"));
    let run = |name: &str| bench.path("run").join(name);
    rot(&run("encode/part-000001.parquet"));
    rot(&run("generate/1/0002.png"));
    std::fs::write(run("discover/2/cores.parquet"), "short").unwrap();
    std::fs::remove_file(run("anchor/0.parquet")).unwrap();
    std::fs::write(run("assemble/cores-000000.receipt.json"), "{").unwrap();

    let (stdout, _) = bench.expect(1, &["verify", "run", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let damaged = report["found"]["damaged"].as_array().unwrap();
    let kind = |file: &str| {
        let found = damaged.iter().find(|d| d["file"] == file);
        found.unwrap_or_else(|| panic!("{file} in {damaged:?}"))["damage"].as_str().unwrap()
    };
    assert_eq!(kind("encode/part-000001.parquet"), "content");
    assert_eq!(kind("generate/1/0002.png"), "content");
    assert_eq!(kind("discover/2/cores.parquet"), "length");
    assert_eq!(kind("anchor/0.parquet"), "missing");
    assert_eq!(kind("assemble/cores-000000.receipt.json"), "receipt");
    assert_eq!((damaged.len(), &report["ok"]), (5, &serde_json::Value::Bool(false)));

    let before = bench.events("run", "unit_finished");
    // From another folder, by the command that the run keeps: pipeline, folder and `--set`.
    let elsewhere = tempfile::tempdir().unwrap();
    let place = bench.path("run");
    let output = bench
        .command(&["verify", place.to_str().unwrap(), "--repair"])
        .current_dir(elsewhere.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("removed: encode/part-000001"), "{stderr}");
    assert_eq!(bench.events("run", "unit_finished"), before + 5, "{stderr}");
    assert!(contents(&bench.path("run")) == whole, "repaired to other bytes");
    bench.expect(0, &["verify", "run"]);
    bench.expect(0, &["run", "p.toml", "--set", "generate.batch=4"]);
    assert_eq!(bench.events("run", "unit_finished"), before + 5);
}

#[test]
fn a_repair_without_its_pipeline_file_says_which_command_does_it() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--set", "steps=5"]);
    rot(&bench.path("run/cores/mini-cores-000000.tar"));
    std::fs::rename(bench.path("p.toml"), bench.path("q.toml")).unwrap();
    let (_, stderr) = bench.expect(1, &["verify", "run", "--repair"]);
    assert!(stderr.contains("coda-pipe run PIPELINE --run-dir "), "{stderr}");
    assert!(stderr.contains("--set 'steps=5'"), "{stderr}");
    assert!(!bench.path("run/cores/mini-cores-000000.tar").exists());
    bench.expect(0, &["run", "q.toml", "--set", "steps=5"]);
    bench.expect(0, &["verify", "run"]);
}

#[test]
fn verify_waits_for_no_run_under_way() {
    let bench = Bench::with_run(&[]);
    let _held = coda_pipe::internals::store::FolderLock::take(&bench.path("run"), |_| ()).unwrap();
    let (_, stderr) = bench.expect(1, &["verify", "run"]);
    assert!(stderr.contains("locked by another run"), "{stderr}");
}
