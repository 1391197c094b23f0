//! Exports of a run: other programs see the images, byte for byte, under the right labels; nothing of anybody's is lost.

use crate::harness::{Bench, digits, read_shard, write_shard};
use crate::moto::Moto;
use crate::object_store::shards::{expect, s3_command};
use crate::other_programs::tables::{check, python};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// A finished run whose classes are words, in an order of their own.
fn run() -> Bench {
    Bench::prepared("a run of named classes", |bench| {
        let names = [("0", "zero/nought"), ("1", "one"), ("2", "two")];
        let mut samples = digits(30);
        for sample in &mut samples {
            for member in sample.members.iter_mut().filter(|member| member.extension == "cls") {
                let text = String::from_utf8(member.bytes.clone()).unwrap();
                let name = names.iter().find(|(number, _)| *number == text.trim()).unwrap().1;
                member.bytes = name.as_bytes().to_vec();
            }
        }
        write_shard(&bench.path("train-000000.tar"), &samples[..45]);
        write_shard(&bench.path("train-000001.tar"), &samples[45..]);
        let classes = "two, the two\none, a one | digit\nzero/nought, <b>zero</b> \"0\"\n";
        std::fs::write(bench.path("classes.txt"), classes).unwrap();
        bench.expect(0, &["run", "p.toml"]);
    })
}

/// Label, class key and digest of the image of every sample of the set.
fn samples(bench: &Bench, tar: &str) -> BTreeMap<String, (i64, Value, String)> {
    let samples = read_shard(&bench.path(tar)).into_iter();
    let of = |members: &BTreeMap<String, Vec<u8>>| {
        let label = String::from_utf8(members["cls"].clone()).unwrap().trim().parse().unwrap();
        let meta: Value = serde_json::from_slice(&members["json"]).unwrap();
        (label, meta, hex(&members["png"]))
    };
    samples.map(|(key, members)| (key, of(&members))).collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below a folder, by name.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    found.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

#[test]
fn class_folders_hold_the_images_under_each_kind_of_name() {
    let Some(python) = python() else { return };
    let bench = run();
    for (set, tar) in [
        ("distilled", "run/distilled/mini-000000.tar"),
        ("cores", "run/cores/mini-cores-000000.tar"),
    ] {
        let expected = samples(&bench, tar);
        assert_eq!(expected.len(), 12);
        for (by, folders) in [
            ("key", ["one", "two", "zero%2fnought"]),
            ("name", ["<b>zero<_b> \"0\"", "a one", "the two"]),
            ("number", ["0", "1", "2"]),
        ] {
            let dir = format!("{set}-{by}");
            let args =
                ["export", "run", "--to", "imagefolder", &dir, "--set", set, "--folders", by];
            bench.expect(0, &args);
            let seen = check(&python, "check_export.py", &["imagefolder".into(), bench.path(&dir)]);
            assert_eq!(seen["classes"], json!(folders));
            assert_eq!(seen["datasets"], json!({"rows": 12, "names": folders}));
            let list = std::fs::read(bench.path(&dir).join("classes.json")).unwrap();
            let list: Value = serde_json::from_slice(&list).unwrap();
            for (key, (label, meta, sha256)) in &expected {
                let sample = &seen["samples"][key];
                assert_eq!(sample["sha256"], **sha256, "{dir}/{key}");
                let class = &list[*label as usize];
                assert_eq!((&class["class"], &class["label"]), (&meta["class"], &json!(label)));
                let folder = folders[sample["label"].as_u64().unwrap() as usize];
                assert_eq!(class["folder"], folder, "{dir}/{key}");
                if by == "number" {
                    assert_eq!(
                        sample["label"], *label,
                        "the order of the class list, not of its names"
                    );
                }
            }
            if !seen["torchvision"].is_null() {
                assert_eq!(seen["torchvision"]["classes"], seen["classes"]);
            }
        }
    }
    let (_, said) =
        bench.expect(2, &["export", "run", "--to", "imagefolder", "w", "--folders", "wordnet"]);
    assert!(said.contains("--folders key") && !bench.path("w").exists(), "{said}");
}

#[test]
fn parquet_and_repositories_open_offline_with_labels_and_images() {
    let Some(python) = python() else { return };
    let bench = run();
    let expected = samples(&bench, "run/distilled/mini-000000.tar");
    for kind in ["parquet", "hf"] {
        bench.expect(0, &["export", "run", "--to", kind, kind]);
        let seen = check(&python, "check_export.py", &["parquet".into(), bench.path(kind)]);
        assert_eq!(seen["names"], json!(["the two", "a one", "<b>zero</b> \"0\""]));
        assert_eq!(
            (&seen["features"]["image"], &seen["features"]["label"]),
            (&json!("Image"), &json!("ClassLabel"))
        );
        assert_eq!(seen["rows"], 12);
        for (key, (label, meta, sha256)) in &expected {
            let row = &seen["samples"][key];
            assert_eq!((&row["sha256"], &row["label"]), (&json!(sha256), &json!(label)), "{key}");
            assert_eq!(row["size"], json!([32, 32]));
            for (column, field) in [
                ("class", "class"),
                ("core", "anchor_key"),
                ("prompt", "prompt"),
                ("rank", "rank"),
                ("seed", "seed"),
            ] {
                assert_eq!(row[column], meta[field], "{key}: {column}");
            }
        }
    }
    let card = std::fs::read_to_string(bench.path("hf/README.md")).unwrap();
    assert!(card.starts_with("---\n# license:") && card.contains("num_examples: 12\n"), "{card}");
    assert!(card.contains("&lt;b&gt;zero") && card.contains("| discover.ipc | 4 |"), "{card}");
    let folder = bench.path("").display().to_string();
    for (name, bytes) in files(&bench.path("hf")) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(folder.trim_end_matches('/')),
            "{name} tells a folder of this machine"
        );
    }
    bench.expect(0, &["export", "run", "--to", "hf", "licensed", "--license", "cc-by-4.0"]);
    let card = std::fs::read_to_string(bench.path("licensed/README.md")).unwrap();
    assert!(card.starts_with("---\nlicense: cc-by-4.0\n"), "{card}");
    bench.expect(2, &["export", "run", "--to", "hf", "x", "--license", "a: b"]);
    bench.expect(2, &["export", "run", "--to", "parquet", "x", "--license", "mit"]);
    bench.expect(2, &["export", "run", "--to", "hf", "x", "--folders", "number"]);
}

#[test]
fn the_same_run_gives_the_same_bytes_and_a_changed_one_is_exported_anew() {
    let bench = Bench::with_run(&[]);
    for kind in ["imagefolder", "hf"] {
        bench.expect(0, &["export", "run", "--to", kind, "a"]);
        bench.expect(0, &["export", "run", "--to", kind, "b"]);
        let first = files(&bench.path("a"));
        assert_eq!(first, files(&bench.path("b")));
        let (said, _) = bench.expect(0, &["export", "run", "--to", kind, "a", "--json"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&said["unchanged"], &said["images"]), (&json!(true), &json!(12)));
        std::fs::remove_dir_all(bench.path("a")).unwrap();
        std::fs::remove_dir_all(bench.path("b")).unwrap();
    }
    bench.expect(0, &["export", "run", "--to", "imagefolder", "a"]);
    bench.expect(0, &["run", "p.toml", "--set", "discover.ipc=2", "--force"]);
    let (said, _) = bench.expect(0, &["export", "run", "--to", "imagefolder", "a"]);
    assert!(said.starts_with("6 images of 3 classes") && !said.contains("unchanged"), "{said}");
    let names: Vec<String> = files(&bench.path("a")).into_keys().collect();
    assert_eq!(names.iter().filter(|name| name.ends_with(".png")).count(), 6, "{names:?}");
    let left = std::fs::read_dir(bench.path("")).unwrap().flatten();
    let left: Vec<String> =
        left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}

#[test]
fn nothing_of_anybodys_is_lost() {
    let bench = Bench::with_run(&[]);
    let args = ["export", "run", "--to", "imagefolder", "out"];
    std::fs::create_dir(bench.path("out")).unwrap();
    std::fs::write(bench.path("out/thesis.txt"), "mine").unwrap();
    for force in [&[][..], &["--force"]] {
        let (_, said) = bench.expect(2, &[&args, force].concat());
        assert!(said.contains("thesis.txt") && said.contains("new or an empty folder"), "{said}");
    }
    std::fs::remove_file(bench.path("out/thesis.txt")).unwrap();
    bench.expect(0, &args);
    std::fs::write(bench.path("out/thesis.txt"), "mine").unwrap();
    // Also where the export itself is the same as before.
    let (_, said) = bench.expect(2, &args);
    assert!(said.contains("thesis.txt"), "{said}");
    std::fs::remove_file(bench.path("out/thesis.txt")).unwrap();
    let image = bench.path("out/0/0_0000.png");
    let before = std::fs::read(&image).unwrap();
    std::fs::write(&image, "retouched").unwrap();
    let other = ["export", "run", "--to", "imagefolder", "out", "--folders", "name"];
    let (_, said) = bench.expect(2, &other);
    assert!(said.contains("0_0000.png was changed") && said.contains("--force"), "{said}");
    bench.expect(0, &[&args[..], &["--force"]].concat());
    assert_eq!(std::fs::read(&image).unwrap(), before);
    bench.give_run("second", &["--set", "generate.seed=1"]);
    // Its directory has a number of its own; a copy of the first would be the first.
    let (_, said) = bench.expect(2, &["export", "second", "--to", "imagefolder", "out"]);
    assert!(said.contains("another run"), "{said}");
    let (_, said) = bench.expect(2, &["export", "run", "--to", "hf", "."]);
    assert!(said.contains("current folder"), "{said}");
}

/// Names in the bench's folder that begin with the export's.
fn named_out(bench: &Bench) -> Vec<String> {
    let entries = std::fs::read_dir(bench.path("")).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("out")).collect()
}

#[test]
fn an_export_that_is_killed_or_finds_no_room_leaves_nothing_half() {
    let bench = Bench::with_run(&[]);
    let args = ["export", "run", "--to", "imagefolder", "out"];
    bench.expect(0, &["export", "run", "--to", "imagefolder", "whole"]);
    let whole = files(&bench.path("whole"));
    // Twelve images, the list and the mark are given their names, then the folder.
    for fault in [
        "kill:created:.png@3",
        "kill:written:.png@7",
        "kill:renamed:.png@12",
        "kill:published:.coda-export",
        "kill:renamed:out@15",
    ] {
        let mut command = bench.command(&args);
        assert!(
            !command.env("CODA_PIPE_FAULTS", fault).output().unwrap().status.success(),
            "{fault}"
        );
        if bench.path("out").exists() {
            assert_eq!(files(&bench.path("out")), whole, "{fault}");
        }
        bench.expect(0, &args);
        assert_eq!(files(&bench.path("out")), whole, "{fault}");
        assert_eq!(named_out(&bench), ["out"], "{fault}");
        // In place of an earlier one: that one or the new one is there, or none.
        let other = ["export", "run", "--to", "imagefolder", "out", "--folders", "name"];
        let mut command = bench.command(&other);
        assert!(
            !command.env("CODA_PIPE_FAULTS", fault).output().unwrap().status.success(),
            "{fault}"
        );
        if bench.path("out").exists() {
            assert_eq!(files(&bench.path("out")), whole, "{fault}");
        }
        bench.expect(0, &other);
        assert_eq!(named_out(&bench), ["out"], "{fault}");
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
    let mut command = bench.command(&args);
    let output = command.env("CODA_PIPE_FAULTS", "full:3000").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("No space left") && !said.contains("--run-dir"), "{said}");
    assert!(named_out(&bench).is_empty());
}

#[test]
fn an_unfinished_or_damaged_run_says_what_is_missing() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--until", "discover"]);
    let (_, said) = bench.expect(1, &["export", "run", "--to", "hf", "out"]);
    assert!(said.contains("generate, assemble were not begun"), "{said}");
    let bench = Bench::with_run(&[]);
    std::fs::remove_file(bench.path("run/distilled/mini-000000.tar")).unwrap();
    let (_, said) = bench.expect(1, &["export", "run", "--to", "hf", "out"]);
    assert!(said.contains("1 of 2 units of assemble are missing"), "{said}");
    let bench = Bench::with_run(&[]);
    let tar = bench.path("run/distilled/mini-000000.tar");
    let mut bytes = std::fs::read(&tar).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tar, bytes).unwrap();
    let (_, said) = bench.expect(1, &["export", "run", "--to", "hf", "out"]);
    assert!(said.contains("mini-000000.tar") && said.contains("verify run --repair"), "{said}");
    assert!(!bench.path("out").exists());
    let (_, said) = bench.expect(1, &["export", "nowhere", "--to", "hf", "out"]);
    assert!(said.contains("no run in nowhere"), "{said}");
}

#[test]
fn a_run_in_an_object_store_is_exported_as_one_on_disk() {
    let Some(moto) = Moto::start() else { return };
    let bench = Bench::with_run(&[]);
    moto.put("/bucket", b"");
    let place = ["run", "p.toml", "--run-dir", "s3://bucket/run", "--scratch", "scratch"];
    expect(0, s3_command(&bench, &moto.url(), &place));
    expect(
        0,
        s3_command(
            &bench,
            &moto.url(),
            &["export", "s3://bucket/run", "--to", "imagefolder", "far"],
        ),
    );
    bench.expect(0, &["export", "run", "--to", "imagefolder", "near"]);
    let images = |dir: &str| {
        let mut all = files(&bench.path(dir));
        all.remove(".coda-export.json");
        all
    };
    assert_eq!(images("far"), images("near"));
    assert_eq!(images("near").len(), 13);
}
