//! Shards behind a login and behind queries; and what a run sends to an object store.

use crate::harness::Bench;
use crate::object_server::ObjectServer;
use crate::object_store::shards::{NAMES, command, expect, use_shards};
use std::collections::BTreeMap;
use std::path::Path;

/// Whether any file below `folder` holds `secret`.
fn holds(folder: &Path, secret: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, secret);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

#[test]
fn user_and_password_of_a_url_are_sent_and_neither_shown_nor_kept() {
    let (bench, server) = (Bench::new(), ObjectServer::start());
    server.put("/a.tar", std::fs::read(bench.path(NAMES[0])).unwrap());
    // `user:ge:heim@`, as curl and browsers write it.
    server.require("Basic dXNlcjpnZTpoZWltQA==");
    let host = server.url().replace("http://", "");
    let with = format!("http://user:ge%3Aheim%40@{host}/a.tar?x=1");
    let (stdout, stderr) = bench.expect(0, &["shards", "ls", &with]);
    assert!(stdout.contains("45 samples, 0 bad"), "{stdout}");
    assert!(!(stdout + &stderr).contains("heim"));

    for url in [format!("http://{host}/a.tar"), format!("http://user:geheim@{host}/a.tar")] {
        let (stdout, stderr) = bench.expect(1, &["shards", "ls", &url]);
        let cure = if url.contains('@') {
            "look at the user and the password"
        } else {
            "pipe:curl -sfL -H"
        };
        assert!(stdout.contains("refuses access") && stdout.contains(cure), "{stdout}");
        assert!(!(stdout + &stderr).contains("geheim"));
    }

    use_shards(&bench, &with);
    let run = ["run", "p.toml", "--until", "encode"];
    let (stdout, stderr) = bench.expect(0, &run);
    assert!(!(stdout + &stderr).contains("heim"));
    let set = format!("shards={with}");
    bench.expect(0, &[&run[..], &["--set", &set]].concat());
    assert!(!holds(&bench.path("run"), "heim"));
    let copy = std::fs::read_to_string(bench.path("run/pipeline.toml")).unwrap();
    assert!(copy.contains(&format!("http://{host}/a.tar?x=1")), "{copy}");
}

#[test]
fn shards_that_differ_in_their_query_alone_are_told_apart() {
    let (bench, server) = (Bench::new(), ObjectServer::start());
    for (number, name) in NAMES.iter().enumerate() {
        let bytes = std::fs::read(bench.path(name)).unwrap();
        server.put(&format!("/get?id={number}&sig=x"), bytes);
    }
    use_shards(&bench, &format!("{}/get?id={{0..1}}&sig=x", server.url()));
    bench.expect(0, &["run", "p.toml", "--set", "steps=1"]);
    assert!(bench.path("run/distilled/mini-000000.tar").exists());
    let (stdout, _) = bench.expect(0, &["inspect", "run/encode/part-000001.parquet", "-n", "1"]);
    assert!(stdout.contains("/get#2") && !stdout.contains("sig=x"), "{stdout}");
}

#[test]
fn every_file_of_a_unit_is_sent_once() {
    let (bench, server) = (Bench::new(), ObjectServer::start());
    let scratch = bench.path("scratch").display().to_string();
    let run = ["run", "p.toml", "--run-dir", "s3://bucket/run", "--scratch", &scratch];
    let run = [&run[..], &["--set", "steps=1"]].concat();
    expect(0, command(&bench, &server, &run));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for path in server.written() {
        *times.entry(path).or_default() += 1;
    }
    let results: Vec<_> = times
        .iter()
        .filter(|(path, _)| path.contains("/distilled/") || path.contains("/cores/"))
        .collect();
    assert_eq!(results.len(), 4, "{times:?}");
    assert!(results.iter().all(|(_, times)| **times == 1), "{results:?}");
    assert!(times.keys().any(|path| path.ends_with("mini-000000.idx")));
}
