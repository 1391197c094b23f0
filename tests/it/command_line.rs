//! The commands apart from a whole run.

use crate::harness::{Bench, checkout};

#[test]
fn wrong_pipelines_exit_with_2_and_name_the_line() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    std::fs::write(bench.path("bad.toml"), text.replace("gamma", "gama")).unwrap();
    let (_, stderr) = bench.expect(2, &["run", "bad.toml"]);
    assert!(
        stderr.contains("bad.toml:23:1") && stderr.contains("did you mean `gamma`"),
        "{stderr}"
    );
    let (_, stderr) = bench.expect(2, &["run", "absent.toml"]);
    assert!(stderr.contains("absent.toml"), "{stderr}");
    bench.expect(2, &["run"]);
    bench.expect(2, &["run", "p.toml", "--only", "nonsense"]);
    bench.expect(2, &["run", "p.toml", "--from", "assemble", "--until", "encode"]);
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "devices=gpu", "--set", "ipc=0"]);
    assert!(
        stderr.contains("`runtime.devices` must be") && stderr.contains("`discover.ipc`"),
        "{stderr}"
    );
}

#[test]
fn a_missing_shard_or_model_is_named() {
    let bench = Bench::new();
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "shards=no-such-{0..1}.tar"]);
    assert!(stderr.contains("no-such-0.tar"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "path=no-such-model"]);
    assert!(stderr.contains("no-such-model"), "{stderr}");
}

#[test]
fn a_library_that_is_not_there_is_an_error_with_a_remedy() {
    let bench = Bench::new();
    let output = bench
        .command(&["run", "p.toml"])
        .env("ORT_DYLIB_PATH", "/no/such/lib.so")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("/no/such/lib.so") && stderr.contains("onnxruntime"), "{stderr}");
}

#[test]
fn dry_run_touches_nothing_and_says_what_is_left() {
    let bench = Bench::new();
    let (stdout, _) = bench.expect(0, &["run", "p.toml", "--dry-run"]);
    assert!(stdout.contains("encode    2 units: 0 done, 2 to do"), "{stdout}");
    assert!(stdout.contains("known when encode is complete"), "{stdout}");
    assert!(!bench.path("run").exists());
    bench.give_run("run", &[]);
    let (stdout, _) = bench.expect(0, &["run", "p.toml", "--dry-run"]);
    assert_eq!(stdout.matches("nothing to do").count(), 7, "{stdout}");
    let (stdout, _) = bench.expect(0, &["run", "p.toml", "--dry-run", "--set", "steps=7"]);
    assert!(stdout.contains("3 of other settings or inputs (needs --force)"), "{stdout}");
}

#[test]
fn status_and_json_summaries_are_for_programs_too() {
    let bench = Bench::new();
    let (stdout, _) = bench.expect(0, &["run", "p.toml", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["stages"].as_array().unwrap().len(), 7);
    let (stdout, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    for stage in status["stages"].as_array().unwrap() {
        assert_eq!(stage["done"], stage["total"], "{stage}");
        assert!(stage["bytes"].as_u64().unwrap() > 0, "{stage}");
    }
    let (stdout, _) = bench.expect(0, &["status", "run", "--verbose"]);
    assert!(stdout.contains("discover/0"), "{stdout}");
    bench.expect(1, &["status", "."]);
}

#[test]
fn inspect_reads_every_kind_of_file() {
    let bench = Bench::with_run(&[]);
    let shown = |file: &str| bench.expect(0, &["inspect", file]).0;
    assert!(shown("train-000000.tar").contains("45 samples"));
    assert!(shown("run/distilled/mini-000000.tar").contains("12 samples, 0 bad"));
    let part = shown("run/encode/part-000000.parquet");
    assert!(
        part.contains("coda.latent.shape = 4,8,8") && part.contains("latent=<512 bytes>"),
        "{part}"
    );
    assert!(shown("run/discover/1/cores.parquet").contains("rank=3"));
    assert!(shown("run/discover/1/embedding.parquet").contains("coordinates"));
    assert!(shown("run/anchor/1.parquet").contains("anchors"));
    assert!(shown("run/encode/part-000000.receipt.json").contains("fingerprint"));
    std::fs::write(bench.path("junk"), "neither").unwrap();
    bench.expect(1, &["inspect", "junk"]);
}

#[test]
fn doctor_finds_the_library_and_tells_programs() {
    let bench = Bench::new();
    let (stdout, _) = bench.expect(0, &["doctor", "p.toml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["onnxruntime"]["version"].as_str().unwrap().starts_with("1."), "{report}");
    let providers = report["onnxruntime"]["providers"].as_array().unwrap();
    assert!(providers.iter().any(|p| p == "CPUExecutionProvider"), "{report}");
    assert!(report["disk"]["free_bytes"].as_u64().unwrap() > 0);
    let output =
        bench.command(&["doctor"]).env("ORT_DYLIB_PATH", "/no/such/lib.so").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("problem: "));
}

#[test]
fn the_settings_reference_is_what_the_code_says() {
    let written = std::fs::read_to_string(checkout().join("docs/settings.md")).unwrap();
    let (printed, _) = Bench::new().expect(0, &["settings"]);
    let differing =
        written.lines().zip(printed.lines()).find(|(written, printed)| written != printed);
    assert_eq!(differing, None, "run: coda-pipe settings > docs/settings.md");
    assert_eq!(written.len(), printed.len(), "run: coda-pipe settings > docs/settings.md");
}

#[test]
fn the_shipped_pipelines_parse() {
    let (stdout, _) = Bench::new().expect(
        0,
        &[
            "run",
            checkout().join("pipelines/demo.toml").to_str().unwrap(),
            "--dry-run",
            "--run-dir",
            "x",
        ],
    );
    assert!(stdout.contains("encode    4 units"), "{stdout}");
}
