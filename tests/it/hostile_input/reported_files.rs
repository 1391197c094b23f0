//! Everything that real reports made us try, at once: no command panics, hangs or passes over a file without a word.

use crate::harness::Bench;
use crate::skip;
use std::path::Path;

/// Every file below `folder` in one folder `into`, under a name of its own that tells where it was.
fn gather(folder: &Path, into: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            // Not links: a few lead to nowhere on purpose.
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('/', "~");
            std::fs::copy(&path, into.join(&name)).unwrap();
            names.push(name);
        }
    }
    names.sort();
    names
}

/// The exit code and all that was said; never that of a panic.
fn told(bench: &Bench, args: &[&str]) -> (i32, String) {
    let output = bench.output(args);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let code = output.status.code().unwrap_or(-1);
    assert!([0, 1, 2].contains(&code) && !text.contains("panicked"), "{args:?}: {code}\n{text}");
    (code, text)
}

#[test]
fn verify_and_run_say_the_same_of_every_shard() {
    let Some(folder) = skip::shared("cases/data") else { return };
    let bench = Bench::new();
    let all = bench.path("all");
    std::fs::create_dir(&all).unwrap();
    let names = gather(&folder, &all);
    let shards = names.iter().filter(|name| name.contains(".tar"));
    let mut tried = 0;
    for name in shards {
        let path = format!("all/{name}");
        let (code, said) = told(&bench, &["shards", "verify", "--images", &path]);
        let (ls, _) = told(&bench, &["shards", "ls", &path]);
        assert!(code == 0 || said.contains("bad") || said.contains("error"), "{name}: {said}");
        let shards = format!("data.shards={path:?}");
        let run = format!("runs/{name}");
        let args = ["run", "p.toml", "--until", "encode", "--json", "--set", &shards];
        let sets = ["--set", "skip_others=true", "--set", "max_bad=1000", "--run-dir", &run];
        let (run, words) = told(&bench, &[&args[..], &sets[..]].concat());
        // A shard of which nothing can be read ends a run, and verify says so too.
        if run != 0 {
            assert!(code != 0 || ls != 0, "{name}: only the run refuses it:\n{words}\n{said}");
        }
        if code != 0 && said.contains("1 shards, 0 samples") && !said.contains("(no sample)") {
            assert!(words.contains("skipped"), "{name}: {words}");
        } else if code != 0 && said.contains("1 shards, 0 samples") {
            assert!(run != 0, "{name}: nothing could be read of it, and the run goes on:\n{words}");
        }
        assert!(run == 0 || words.contains("error"), "{name}: {words}");
        tried += 1;
    }
    assert!(tried > 40, "{tried} shards were tried");
}

#[test]
fn pack_takes_or_names_every_file_of_a_folder() {
    let Some(folder) = skip::shared("cases/data") else { return };
    let bench = Bench::new();
    let all = bench.path("in/all");
    std::fs::create_dir_all(&all).unwrap();
    gather(&folder, &all);
    // Not their names: two that are no UTF-8 look the same.
    let files = std::fs::read_dir(&all).unwrap().count() as u64;
    let (_, said) = told(&bench, &["shards", "pack", "in", "--out", "out/t-{:06}.tar", "--json"]);
    let report: serde_json::Value =
        said.lines().find_map(|line| serde_json::from_str(line).ok()).expect(&said);
    let packed = report["samples"].as_u64().unwrap();
    let skipped = report["skipped"].as_array().unwrap().len() as u64;
    let passed = &report["passed_over"];
    let by_ending: u64 = passed["endings"]
        .as_object()
        .map(|kinds| kinds.values().filter_map(serde_json::Value::as_u64).sum())
        .unwrap_or_else(|| panic!("{passed}"));
    assert_eq!(packed + skipped + by_ending, files, "{said}");
}
