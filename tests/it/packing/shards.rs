//! `shards pack`: folders and tables into shards that everyone reads.

use crate::harness::{Bench, read_shard};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A folder a class, `each` files in it, of unequal lengths.
fn folder(root: &Path, each: usize) {
    for class in ["n01", "n02", "n03"] {
        fs::create_dir_all(root.join(class)).unwrap();
        for i in 0..each {
            let content = format!("{class} {i} ").repeat(i * 7 % 90 + 1);
            fs::write(root.join(class).join(format!("{class}_{i}.JPEG")), content).unwrap();
        }
    }
}

fn shards(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let tars = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let tars = tars.filter(|path| path.extension().is_some_and(|extension| extension == "tar"));
    tars.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// Unfinished files in a folder.
fn unfinished(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".tmp")).count()
}

#[test]
fn every_file_is_packed_once_and_a_lost_shard_comes_back_the_same() {
    let bench = Bench::new();
    folder(&bench.path("images"), 40);
    let args = ["shards", "pack", "images", "--out", "out/t-{:06}.tar", "--per-shard", "25"];
    let (_, stderr) = bench.expect(0, &args);
    assert!(stderr.contains("120 images of 3 classes into 5 shards"), "{stderr}");
    let whole = shards(&bench.path("out"));
    assert_eq!(whole.len(), 5);
    let mut seen = 0;
    for path in whole.keys() {
        for (key, members) in read_shard(Path::new(path)) {
            let (class, _) = key.split_once('_').unwrap();
            assert_eq!(members["cls"], class.as_bytes());
            let original = bench.path("images").join(class).join(format!("{key}.JPEG"));
            assert_eq!(members["jpg"], fs::read(original).unwrap(), "{key}");
            seen += 1;
        }
    }
    assert_eq!(seen, 120);
    let classes = fs::read_to_string(bench.path("out/t.classes.txt")).unwrap();
    assert_eq!(classes, "n01, n01\nn02, n02\nn03, n03\n");

    fs::remove_file(bench.path("out/t-000003.tar")).unwrap();
    let mut killed = bench.command(&args);
    killed.env("CODA_PIPE_FAULTS", "kill:written:t-000003").output().unwrap();
    assert_eq!(unfinished(&bench.path("out")), 1, "the killed run left its unfinished shard");
    let (stdout, _) = bench.expect(0, &[&args[..], &["--json", "--workers", "1"]].concat());
    let packed: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&packed["already_there"], &packed["samples"]), (&4.into(), &25.into()));
    assert_eq!(shards(&bench.path("out")), whole);
    assert_eq!(unfinished(&bench.path("out")), 0);
}

#[test]
fn shards_of_other_files_are_not_mixed_in() {
    let bench = Bench::new();
    folder(&bench.path("images"), 10);
    let args = ["shards", "pack", "images", "--out", "out/t-{:02}.tar", "--per-shard", "10"];
    bench.expect(0, &args);
    fs::write(bench.path("images/n02/n02_new.JPEG"), "one more").unwrap();
    let (_, stderr) = bench.expect(1, &args);
    assert!(stderr.contains("t.pack.json") && stderr.contains("--force"), "{stderr}");
    bench.expect(0, &[&args[..], &["--force"]].concat());
    assert_eq!(shards(&bench.path("out")).len(), 4);
    // Fewer shards than before: none of the old ones stays.
    bench.expect(0, &[&args[..4], &["out/t-{:02}.tar", "--per-shard", "31", "--force"]].concat());
    assert_eq!(shards(&bench.path("out")).len(), 1);
}

#[test]
fn a_table_names_the_files_and_bad_ones_are_left_out_within_the_limit() {
    let bench = Bench::new();
    folder(&bench.path("images"), 3);
    fs::write(bench.path("images/n01/n01_1.JPEG"), "").unwrap();
    let mut table = "path,class\n".to_owned();
    for name in ["n02/n02_0", "n01/n01_1", "n01/n01_2", "n01/gone"] {
        table += &format!("images/{name}.JPEG,class {}\n", &name[..3]);
    }
    fs::write(bench.path("list.csv"), table).unwrap();
    let args = ["shards", "pack", "list.csv", "--out", "t-{}.tar", "--index-labels", "--max-bad"];
    let (_, stderr) = bench.expect(1, &[&args[..], &["1"]].concat());
    assert!(stderr.contains("2 files can't be packed and --max-bad allows 1"), "{stderr}");
    let (_, stderr) = bench.expect(0, &[&args[..], &["2"]].concat());
    assert!(stderr.contains("images/n01/n01_1.JPEG: the file is empty"), "{stderr}");
    assert!(stderr.contains("images/n01/gone.JPEG: No such file"), "{stderr}");
    let set = read_shard(&bench.path("t-0.tar"));
    let labels: Vec<(&str, &[u8])> = set.iter().map(|(k, m)| (k.as_str(), &m["cls"][..])).collect();
    assert_eq!(labels, [("class_n01_n01_2", &b"0"[..]), ("class_n02_n02_0", &b"1"[..])]);
}
