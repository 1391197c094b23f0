//! docs/chaining.md with the packages themselves, and `shards cat`.

use crate::documents::{blocks, run};
use crate::harness::{Bench, checkout, digits, read_shard, write_shard};
use crate::other_programs::tables::{check, python};
use crate::skip;
use std::process::{Command, Stdio};

fn shards(bench: &Bench) {
    std::fs::create_dir(bench.path("shards")).unwrap();
    for name in ["train-000000.tar", "train-000001.tar"] {
        std::fs::copy(bench.path(name), bench.path("shards").join(name)).unwrap();
    }
}

#[test]
fn the_pages_commands_work_with_the_real_packages() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--set", "output.name=mine", "--run-dir", "runs/mine"]);
    shards(&bench);
    let text = std::fs::read_to_string(checkout().join("docs/chaining.md")).unwrap();
    let mut printed = Vec::new();
    for (language, code) in blocks(&text, &["sh", "python"]) {
        let wids = code.starts_with("import wids");
        let stand_ins = checkout().join("tests/python");
        let prelude = format!("import sys; sys.path.append({stand_ins:?}); import without_torch\n");
        let code = if wids { prelude + code } else { code.to_owned() };
        printed.push(run(&bench, Some(&python), (language, &code)));
    }
    let said = printed.join("\n");
    assert!(said.contains("12 samples;"), "{said}");
    let names = std::fs::read_to_string(bench.path("names.txt")).unwrap();
    assert_eq!(names.lines().count(), 40, "{names}");
    assert_eq!(std::fs::read_dir(bench.path("few")).unwrap().count(), 6);
    // DuckDB and Polars found the three classes.
    assert!(
        said.matches("\u{2502} 0 ").count() + said.matches("\u{2502} 2 ").count() >= 2,
        "{said}"
    );
}

#[test]
fn cat_hands_on_what_is_asked_for_and_names_what_is_bad() {
    let bench = Bench::new();
    let cat = |code, arguments: &[&str]| {
        let arguments = [&["shards", "cat"], arguments].concat();
        let output = bench.command(&arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {stderr}");
        std::fs::write(bench.path("out.tar"), output.stdout).unwrap();
        (read_shard(&bench.path("out.tar")), stderr)
    };
    let both = "train-{000000..000001}.tar";
    let whole = cat(0, &[both]).0;
    assert_eq!(whole.len(), 90);
    for (key, members) in read_shard(&bench.path("train-000001.tar")) {
        assert_eq!(whole[&key], members);
    }
    let some: Vec<&String> = whole.keys().step_by(7).collect();
    let lines: Vec<String> = some.iter().map(|key| format!("{key}\n")).collect();
    std::fs::write(bench.path("keys.txt"), lines.concat()).unwrap();
    let chosen = cat(0, &[both, "--keys", "keys.txt"]).0;
    assert_eq!(chosen.keys().collect::<Vec<_>>(), some);
    // A key that no sample has is told; a limit that leaves some is what was asked for.
    std::fs::write(bench.path("keys.txt"), format!("no-such\n{}\nnone\n", some[1])).unwrap();
    let (found, stderr) = cat(1, &[both, "--keys", "keys.txt"]);
    assert_eq!(found.keys().collect::<Vec<_>>(), [some[1]]);
    assert!(
        stderr.contains("2 of the keys in keys.txt") && stderr.contains("`no-such`"),
        "{stderr}"
    );
    std::fs::write(bench.path("keys.txt"), lines.concat()).unwrap();
    assert_eq!(cat(0, &[both, "--keys", "keys.txt", "--limit", "2"]).0.len(), 2);
    let twos = cat(0, &[both, "--classes", "2", "--limit", "11"]).0;
    assert!(twos.len() == 11 && twos.values().all(|members| members["cls"] == b"2"));

    let cut = std::fs::read(bench.path("train-000000.tar")).unwrap();
    std::fs::write(bench.path("cut.tar"), &cut[..cut.len() / 2]).unwrap();
    let (rest, stderr) = cat(1, &["cut.tar", "train-000001.tar"]);
    assert!(rest.len() > 45 && stderr.contains("cut.tar: bad: "), "{stderr}");
    // Shards may have keys in common; only neighbours would be read as one sample.
    std::fs::copy(bench.path("train-000001.tar"), bench.path("again.tar")).unwrap();
    let twice = ["shards", "cat", "train-000001.tar", "again.tar"];
    let (_, stderr) = bench.expect(0, &twice);
    assert!(stderr.contains("90 samples, 0 bad"), "{stderr}");
    write_shard(&bench.path("one.tar"), &digits(1)[..1]);
    let (once, stderr) = cat(1, &["one.tar", "pipe:cat one.tar"]);
    assert!(once.len() == 1 && stderr.contains("the sample before it"), "{stderr}");
    bench.expect(2, &["shards", "cat", "nothing-{0..1}.tar"]);
}

#[test]
fn a_reader_that_leaves_is_no_error_of_cat() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["shards", "cat", "train-{000000..000001}.tar"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

/// DALI is a gigabyte, so `make test` does not install it: `.venv/bin/pip install nvidia-dali-cuda120` does. No card needed.
#[test]
fn dali_reads_sets_and_shards_by_our_indexes() {
    let Some(python) = python() else { return };
    let there = Command::new(&python).args(["-c", "import nvidia.dali"]).output().unwrap();
    if !there.status.success() {
        return skip::extra("CODA_REQUIRE_DALI", "nvidia-dali-cuda120 in .venv (pip installs it)");
    }
    let bench = Bench::with_run(&[]);
    bench.expect(0, &["shards", "index", "train-000001.tar"]);
    for (shard, samples) in [("run/distilled/mini-000000", 12), ("train-000001", 45)] {
        let files = ["tar", "idx"].map(|ending| bench.path(&format!("{shard}.{ending}")));
        let seen = check(&python, "check_dali.py", &files);
        assert_eq!(seen["samples"], samples, "{seen}");
    }
}
