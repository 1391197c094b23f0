//! `coda-pipe plan`: what it says before a run against what the run then does.

use crate::harness::{Bench, digits, write_shard};
use crate::object_store::shards::{command, expect, on_server};
use serde_json::Value;

fn plan(bench: &Bench, more: &[&str]) -> Value {
    let (stdout, _) = bench.expect(0, &[&["plan", "p.toml", "--json"], more].concat());
    serde_json::from_str(&stdout).unwrap()
}

fn stage<'a>(plan: &'a Value, name: &str) -> &'a Value {
    let stages = plan["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["stage"] == name).unwrap_or_else(|| panic!("{name}: {plan:#}"))
}

fn warnings(plan: &Value) -> Vec<String> {
    let said = plan["warnings"].as_array().unwrap();
    said.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// Bytes of all files below a folder whose names are kept.
fn bytes_below(folder: &std::path::Path, keep: &dyn Fn(&str) -> bool) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => bytes_below(&path, keep),
        false if keep(&path.to_string_lossy()) => std::fs::metadata(&path).unwrap().len(),
        false => 0,
    };
    entries.map(of).sum()
}

/// `predicted` within `share` of `real`.
fn near(what: &str, predicted: u64, real: u64, share: f64) {
    let off = predicted as f64 / real as f64 - 1.0;
    eprintln!("{what}: {predicted} predicted, {real} written, {:+.1} %", 100.0 * off);
    assert!(off.abs() <= share, "{what}: {predicted} predicted, {real} written");
}

#[test]
fn images_units_and_bytes_are_what_the_run_then_makes() {
    let bench = Bench::new();
    let before = plan(&bench, &["--measure", "--workers", "1,3"]);
    let [one, three] = [0, 1].map(|at| before["workers"][at].clone());
    assert_eq!((&one["workers"], &three["workers"]), (&1.into(), &3.into()));
    // Each loads the model for itself, so three are never three times as fast. Nothing else is certain of measured times.
    let seconds = |crew: &Value| crew["seconds"].as_f64().unwrap();
    assert!(seconds(&one) > 0.0 && seconds(&three) > seconds(&one) / 3.0, "{before:#}");
    // For each unit a claim, a receipt and a file at least.
    assert!(one["requests"]["put"].as_u64().unwrap() >= 3 * 15, "{one:#}");
    bench.expect(2, &["plan", "p.toml", "--workers", "2"]);
    assert!(!bench.path("run").exists(), "a plan leaves nothing");
    assert_eq!((&before["images"], &before["cores"]), (&90.into(), &12.into()));
    assert_eq!(before["classes"], serde_json::json!({"0": 30, "1": 30, "2": 30}));
    assert_eq!(before["estimate"], Value::Null);
    assert_eq!(warnings(&before), Vec::<String>::new());
    assert!(before["free_bytes"].as_u64().unwrap() > 0 && before["gpu_hours"].is_null());
    assert!(before["totals"]["seconds"].as_f64().unwrap() > 0.0, "{before:#}");

    let (stdout, _) = bench.expect(0, &["run", "p.toml", "--json"]);
    let run: Value = serde_json::from_str(&stdout).unwrap();
    let mut real = 0;
    for done in run["stages"].as_array().unwrap() {
        let planned = stage(&before, done["stage"].as_str().unwrap());
        assert_eq!((&planned["units"], &planned["done"]), (&done["units"], &0.into()), "{planned}");
        let bytes = done["bytes"].as_u64().unwrap();
        // A handful of files of a few thousand bytes each: a stage may be further off than the whole.
        let share = if done["stage"] == "discover" { 0.15 } else { 0.1 };
        near(done["stage"].as_str().unwrap(), planned["bytes"].as_u64().unwrap(), bytes, share);
        real += bytes;
    }
    let receipts = bytes_below(&bench.path("run"), &|name| name.ends_with(".receipt.json"));
    near("all", before["totals"]["bytes"].as_u64().unwrap(), real + receipts, 0.05);

    let after = plan(&bench, &[]);
    assert_eq!(
        (&after["totals"]["bytes_left"], &after["totals"]["seconds"]),
        (&0.into(), &0.0.into())
    );
    assert_eq!(stage(&after, "generate")["done"], 3);
    assert_eq!(stage(&after, "encode")["bytes"], run["stages"][0]["bytes"]);
}

#[test]
fn an_interrupted_run_tells_of_its_own_times() {
    let bench = Bench::new();
    let before = plan(&bench, &[]);
    assert_eq!(before["totals"]["seconds"], Value::Null);
    assert!(before["notes"].to_string().contains("--measure"), "{before:#}");
    bench.expect(0, &["run", "p.toml", "--until", "encode"]);
    std::fs::remove_file(bench.path("run/encode/part-000001.receipt.json")).unwrap();
    let after = plan(&bench, &[]);
    let encode = stage(&after, "encode");
    assert_eq!((&encode["units"], &encode["done"]), (&2.into(), &1.into()));
    assert_eq!(encode["basis"], "recorded");
    assert!(encode["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(stage(&after, "generate")["seconds"], Value::Null);
    let (whole, half) = (stage(&before, "encode"), encode);
    assert!(half["bytes_left"].as_u64().unwrap() < whole["bytes_left"].as_u64().unwrap() * 6 / 10);
    // Other settings: said, not redone.
    let changed = plan(&bench, &["--set", "encode.batch=8"]);
    assert_eq!(stage(&changed, "encode")["stale"], 1);
}

#[test]
fn what_may_stop_the_run_is_said_before_it() {
    let bench = Bench::new();
    let few: Vec<_> =
        digits(30).into_iter().filter(|sample| sample.get("cls") != Some(b"1")).collect();
    let one = digits(2).into_iter().filter(|sample| sample.get("cls") == Some(b"1"));
    let samples: Vec<_> = few.into_iter().chain(one).collect();
    write_shard(&bench.path("train-000000.tar"), &samples);
    std::fs::remove_file(bench.path("train-000001.tar")).unwrap();
    std::fs::write(bench.path("classes.txt"), "0, zero\n1, one\n7, seven\n").unwrap();
    let shards = ["--set", "shards=train-000000.tar"];
    let said = warnings(&plan(&bench, &shards));
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].contains("1 classes of the list are without an image: 7"), "{said:#?}");
    assert!(
        said[1].contains("fewer images than ipc = 4") && said[1].contains("1 (2)"),
        "{said:#?}"
    );
    assert!(said[2].contains("30 samples are bad") && said[2].contains("skip_others"), "{said:#?}");

    let mut command = bench.command(&["plan", "p.toml", shards[0], shards[1]]);
    let output = command.env("CODA_PIPE_FREE_BYTES", "1000").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("warning: too little disk") && text.contains("encode "), "{text}");
}

/// Compressed shards are counted too: few bytes are read whole.
#[test]
fn compressed_shards_and_pipes_are_counted() {
    let bench = Bench::new();
    for name in ["train-000000.tar", "train-000001.tar"] {
        let tar = std::fs::read(bench.path(name)).unwrap();
        std::fs::write(bench.path(name), zstd::encode_all(&tar[..], 1).unwrap()).unwrap();
    }
    let packed = plan(&bench, &[]);
    assert_eq!((&packed["images"], &packed["estimate"]), (&90.into(), &Value::Null));
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let text = text.replace("train-{000000..000001}.tar", "pipe:cat train-{000000..000001}.tar");
    std::fs::write(bench.path("p.toml"), text).unwrap();
    let piped = plan(&bench, &[]);
    assert_eq!(piped["images"], 90);
    assert!(piped["estimate"].as_str().unwrap().contains("2 of 2 shards"), "{piped:#}");
}

/// Shards on a server are told from what was read of two of them, and the plan says so.
#[test]
fn remote_shards_are_estimated() {
    let (bench, server) = on_server(|tar| tar);
    let (stdout, _) = expect(0, command(&bench, &server, &["plan", "p.toml", "--json"]));
    let plan: Value = serde_json::from_str(&stdout).unwrap();
    assert!(plan["estimate"].as_str().unwrap().contains("2 of 2 shards"), "{plan:#}");
    assert!((88..=92).contains(&plan["images"].as_u64().unwrap()), "{plan:#}");
    assert_eq!(plan["classes"].as_object().unwrap().len(), 3);
}

/// An interrupted measurement leaves nothing beside the run directory.
#[test]
fn an_interrupted_measurement_leaves_nothing() {
    let bench = Bench::new();
    let names = || -> Vec<_> {
        let folder = std::fs::read_dir(bench.path(".")).unwrap();
        folder.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = names().len();
    let mut process = bench.command(&["plan", "p.toml", "--measure"]).spawn().unwrap();
    while names().len() == before && process.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = process.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
    assert_eq!(names().len(), before, "{:?}", names());
}
