//! What other programs make of our files: Python's own `webdataset` and pyarrow, from `.venv` (`make test` makes it).

use crate::harness::{Bench, checkout};
use crate::skip;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The venv's interpreter; where there is none, the test is skipped.
pub fn python() -> Option<PathBuf> {
    let path = checkout().join(".venv/bin/python");
    if path.exists() {
        return Some(path);
    }
    skip::tool(".venv (`make test` makes it; Debian: apt-get install python3-venv)");
    None
}

/// What a script of tests/python/ prints, as JSON.
pub fn check(python: &PathBuf, script: &str, args: &[PathBuf]) -> serde_json::Value {
    let script = checkout().join("tests/python").join(script);
    let output = Command::new(python).arg(script).args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `webdataset` sees in a shard: samples, extensions, labels. `None` where it is not installed.
pub fn webdataset(shard: &Path) -> Option<serde_json::Value> {
    let python = python()?;
    Some(check(&python, "check_webdataset.py", &[shard.to_owned()]))
}

#[test]
fn pyarrow_reads_the_tables_with_the_documented_schema() {
    let Some(python) = python() else { return };
    let bench = Bench::with_run(&[]);
    bench.expect(0, &["audit", "run"]);
    let spread = ["--set", "anchor.kind=spread", "--until", "anchor", "--run-dir", "spread"];
    bench.expect(0, &[&["run", "p.toml"], &spread[..]].concat());
    let docs = std::fs::read_to_string(checkout().join("docs/run-directory.md")).unwrap();
    for (file, kind) in [
        ("run/encode/part-000000.parquet", "latents"),
        ("run/discover/0/cores.parquet", "cores"),
        ("run/discover/0/embedding.parquet", "embedding"),
        ("run/anchor/0.parquet", "anchors"),
        ("spread/discover/0/members.parquet", "members"),
        ("spread/anchor/0.parquet", "anchors"),
        ("run/audit/copies.parquet", "audit"),
        ("run/quarantine.parquet", "quarantine"),
    ] {
        let seen = check(&python, "check_parquet.py", &[bench.path(file)]);
        let table = &seen;
        assert_eq!(table["metadata"]["coda.kind"], kind, "{table}");
        for (name, kind_of_values) in table["columns"].as_object().unwrap() {
            // `fixed_size_binary[512]`, `fixed_size_list<…>[50]`: the sizes are the model's, not the schema's.
            let kind_of_values = kind_of_values.as_str().unwrap();
            let plain = kind_of_values.split(['[', '<']).next().unwrap();
            let row = format!("| `{name}` | `{plain}` |");
            let section =
                docs.split("\n## ").find(|s| s.starts_with(&format!("`{kind}`"))).unwrap();
            assert!(section.contains(&row), "docs/run-directory.md, {kind}: no row {row}");
        }
    }
    let part = "encode/part-000000.parquet";
    let compressed = ["--until", "encode", "--run-dir", "z", "--set", "encode.compress=true"];
    bench.expect(0, &[&["run", "p.toml"], &compressed[..]].concat());
    let [plain, small] =
        ["run", "z"].map(|run| check(&python, "check_parquet.py", &[bench.path(run).join(part)]));
    assert_eq!(plain["latent"], small["latent"], "the same latents, compressed");
}

/// What needs PyTorch or other large packages is not run by tests; at least it is Python.
#[test]
fn every_script_of_the_repository_compiles() {
    let Some(python) = python() else { return };
    let listed = "import pathlib, sys\n\
        root = pathlib.Path(sys.argv[1])\n\
        scripts = [p for name in sys.argv[2:] for p in sorted((root / name).rglob('*.py'))]\n\
        for p in scripts: compile(p.read_text(encoding='utf-8'), str(p), 'exec')\n\
        print(*(p.relative_to(root) for p in scripts), sep='\\n')";
    let folders = ["examples", "benches", "models", "pipelines", "tests"];
    let output = Command::new(python).args(["-c", listed]).arg(checkout()).args(folders).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let compiled = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(compiled.contains("examples/evaluate/evaluate.py\n"), "{compiled}");
}

/// The bench's table on accuracies worked by hand: G has 93 and 95, R 90 and 94 of the same sets and networks.
#[test]
fn the_quality_bench_prints_differences_in_pairs_with_their_errors() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.jsonl");
    let line = |half: &str, row: &str, set: usize, accuracy: f64, about: serde_json::Value| {
        serde_json::json!({
            "bed": "clean", "half": half, "ipc": 10, "row": row, "network": "convnet3", "width": 16, "steps": 250,
            "set": set, "net": 0, "accuracy": {"test": accuracy}, "about": about,
        })
        .to_string()
    };
    let copies = |half: f64, tenth: f64| serde_json::json!({"copies": {"below_half": half, "below_tenth": tenth}});
    let real = || serde_json::json!({});
    let lines = [
        // Of another half, and of an earlier program.
        line("tune", "G", 1, 0.11, copies(1.0, 1.0)),
        line("report", "G", 1, 0.22, copies(1.0, 1.0)),
        line("report", "R", 0, 0.90, real()),
        line("report", "R", 1, 0.94, real()),
        line("report", "G", 0, 0.93, copies(0.25, 0.0)),
        line("report", "G", 1, 0.95, copies(0.75, 0.5)),
        "{\"bed\": \"cle".into(),
    ];
    std::fs::write(&results, lines.join("\n")).unwrap();
    let script = checkout().join("examples/quality/table.py");
    let output = Command::new(python).arg(script).arg(&results).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("2 sets, 2 networks a cell"), "{table}");
    assert!(table.contains("\n| R | 92.0 ± 2.0 |\n"), "{table}");
    assert!(table.contains("\n| G | 94.0 ± 1.0 (+2.0 ± 1.0) \\| 50.0, 25.0 |\n"), "{table}");
}
