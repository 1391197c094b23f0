//! What workers ask an object store for: nobody brings what he does not read.

use crate::harness::{Bench, digits, write_shard};
use crate::moto::Moto;
use crate::object_store::shards::{expect, s3_command};

/// A run in an object store, of three shards with one class each.
fn by_class() -> Bench {
    let bench = Bench::new();
    let samples = digits(30);
    for class in ["0", "1", "2"] {
        let own = samples.iter().filter(|sample| sample.get("cls") == Some(class.as_bytes()));
        let own: Vec<_> = own.cloned().collect();
        write_shard(&bench.path(&format!("train-00000{class}.tar")), &own);
    }
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    std::fs::write(bench.path("p.toml"), text.replace("000001}", "000002}")).unwrap();
    bench
}

/// The files of encoded images that a run with its own scratch folder asks for, each once.
fn parts_asked(bench: &Bench, moto: &Moto, code: i32, scratch: &str, args: &[&str]) -> Vec<String> {
    let before = moto.asked().len();
    let place = ["run", "p.toml", "--run-dir", "s3://bucket/run", "--scratch", scratch];
    expect(code, s3_command(bench, &moto.url(), &[&place, args].concat()));
    let asked = moto.asked().split_off(before);
    let names = asked.iter().filter_map(|line| {
        let folder = |name| line.strip_prefix(&format!("GET /bucket/run/{name}/")[..]);
        folder("encode").or_else(|| folder("compact"))
    });
    let mut parts: Vec<String> =
        names.filter(|name| name.ends_with(".parquet")).map(str::to_owned).collect();
    parts.sort();
    parts.dedup();
    parts
}

#[test]
fn a_worker_brings_the_parts_of_its_own_classes_and_of_counts_none() {
    let Some(moto) = Moto::start() else { return };
    let bench = by_class();
    moto.put("/bucket", b"");
    let none: [&str; 0] = [];
    assert_eq!(parts_asked(&bench, &moto, 0, "a", &["--until", "encode"]), none);
    // On another machine: each class lies in a part, and all in one file then.
    let all = [0, 1, 2].map(|part| format!("part-00000{part}.parquet"));
    assert_eq!(parts_asked(&bench, &moto, 0, "e", &["--only", "compact"]), all);
    // One of three, on a third one: its class is a range of that file.
    let share = ["--only", "discover", "--partition", "1/3", "--no-help", "--wait", "0"];
    assert_eq!(parts_asked(&bench, &moto, 75, "b", &share), ["group-000000.parquet"]);
    let own = parts_asked(&bench, &moto, 0, "a", &["--until", "anchor"]);
    assert_eq!(own, ["group-000000.parquet"]);
    // A third machine makes images: of the data set it needs to know how many images each class has.
    assert_eq!(parts_asked(&bench, &moto, 0, "c", &[]), none);
    bench.expect(0, &["run", "p.toml", "--run-dir", "whole"]);
    for name in ["distilled/mini-000000.tar", "cores/mini-cores-000000.tar"] {
        let whole = std::fs::read(bench.path("whole").join(name)).unwrap();
        assert!(moto.get(&format!("/bucket/run/{name}")).unwrap() == whole, "{name}");
    }

    // Receipts of earlier versions do not say what is in a part: then the parts do.
    for key in moto.keys("bucket", "run/encode/") {
        if key.ends_with(".receipt.json") {
            let text = moto.get(&format!("/bucket/{key}")).unwrap();
            let mut receipt: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(receipt["contents"]["classes"][0][1], 30, "{receipt}");
            receipt.as_object_mut().unwrap().remove("contents");
            moto.put(&format!("/bucket/{key}"), receipt.to_string().as_bytes());
        }
    }
    assert_eq!(parts_asked(&bench, &moto, 0, "d", &[]), all);
}
