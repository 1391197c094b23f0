//! Shards of a data set on the hub: streamed with the bytes of local ones, however the way breaks; known by their content.

use super::{TOKEN, command, expect, said};
use crate::harness::Bench;
use crate::hub_server::{HubServer, Repo};
use crate::image_sets::write_sets;

const SHARDS: &str = "data.shards=hf://datasets/lab/set/data/train-{000000..000001}.tar";

fn data_set(bench: &Bench) -> Repo {
    let shard = |name: &str| std::fs::read(bench.path(name)).unwrap();
    Repo::default()
        .file("README.md", "digits")
        .file("data/train-000000.tar", shard("train-000000.tar"))
        .file("data/train-000001.tar", shard("train-000001.tar"))
        .file("data/notes.txt", "no shard")
}

#[test]
fn a_gated_data_set_is_streamed_through_a_run_over_broken_connections() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("datasets/lab/set", data_set(&bench).only_with(TOKEN));
    // The same files on disk under the very names that they have on the hub, which the distilled set keeps.
    let disk = Bench::new();
    std::fs::create_dir_all(disk.path("hf:/datasets/lab/set/data")).unwrap();
    for name in ["train-000000.tar", "train-000001.tar"] {
        std::fs::rename(disk.path(name), disk.path("hf:/datasets/lab/set/data").join(name))
            .unwrap();
    }
    disk.expect(0, &["run", "p.toml", "--set", SHARDS]);
    server.break_one_in(2);
    let run = |more: &[&str]| {
        let args =
            [&["run", "p.toml", "--run-dir", "streamed", "--set", SHARDS][..], more].concat();
        let quick = ["--set", "data.retry_seconds=0.01"];
        let args = [&args[..], &quick].concat();
        command(&bench, &server, &args).env("HF_TOKEN", TOKEN).output().unwrap()
    };
    said(&run(&["--until", "discover"]), 0);
    assert!(server.broken() >= 1);
    server.let_signatures_run_out();
    said(&run(&[]), 0);
    assert_eq!(bench.results("streamed"), disk.results("run"));
    let asked = server.take_asked();
    assert!(asked.iter().any(|asked| asked.of_store));
    for asked in asked.iter().filter(|asked| asked.of_store) {
        assert!(!asked.head.contains(TOKEN), "{}", asked.head);
    }
    // Another signature is no other file: nothing is done again, and no shard is read.
    server.let_signatures_run_out();
    let (_, err) = said(&run(&[]), 0);
    assert!(err.contains("nothing was recomputed"), "{err}");
    assert!(server.take_asked().iter().all(|asked| !asked.of_store));
    // Other content is.
    let other = std::fs::read(bench.path("train-000000.tar")).unwrap();
    server.put(
        "datasets/lab/set",
        data_set(&bench).only_with(TOKEN).file("data/train-000001.tar", other),
    );
    let (_, err) = said(&run(&[]), 2);
    assert!(err.contains("--force"), "{err}");
}

#[test]
fn streamed_shards_list_as_local_ones_and_globs_and_folders_find_them() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("datasets/lab/set", data_set(&bench));
    let (local, _) = bench.expect(0, &["shards", "ls", "train-000000.tar", "train-000001.tar"]);
    let rows = |text: &str, from: &str| {
        text.replace(from, "").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for pattern in [
        "hf://datasets/lab/set/data/train-{000000..000001}.tar",
        "hf://datasets/lab/set/data/*.tar",
        "hf://datasets/lab/set@v1/**/*.tar",
        "hf://datasets/lab/set@main/data/",
    ] {
        let (out, _) = expect(&bench, &server, 0, &["shards", "ls", pattern]);
        let from = if pattern.contains("@v1") {
            "hf://datasets/lab/set@v1/data/"
        } else {
            "hf://datasets/lab/set/data/"
        };
        assert_eq!(rows(&out, from), rows(&local, ""), "{pattern}");
    }
    let (_, err) = expect(&bench, &server, 2, &["shards", "ls", "hf://datasets/lab/set/*.tar"]);
    assert!(err.contains("matches no shard"), "{err}");
    let (out, err) = expect(
        &bench,
        &server,
        1,
        &["shards", "ls", "hf://datasets/lab/set/data/train-000009.tar"],
    );
    assert!(out.contains("no such file"), "{out}\n{err}");
}

#[test]
fn many_files_of_a_folder_are_known_by_one_listing() {
    let (bench, server) = (Bench::new(), HubServer::start());
    let mut many = Repo::default();
    let shard = std::fs::read(bench.path("train-000000.tar")).unwrap();
    for number in 0..12 {
        many = many.file(&format!("t-{number:02}.tar"), shard.clone());
    }
    server.put("datasets/lab/many", many);
    let set = "data.shards=hf://datasets/lab/many/t-{00..11}.tar";
    expect(&bench, &server, 0, &["run", "p.toml", "--dry-run", "--until", "encode", "--set", set]);
    let asked = server.take_asked();
    assert!(asked.iter().all(|asked| asked.verb != "HEAD" && !asked.of_store), "{asked:?}");
    // Thirteen entries, four a page.
    assert_eq!(
        asked.iter().filter(|asked| asked.target.contains("/tree/")).count(),
        4,
        "{asked:?}"
    );
}

#[test]
fn parquet_on_the_hub_is_read_in_ranges_and_init_finds_the_training_files() {
    let (bench, server) = (Bench::new(), HubServer::start());
    write_sets(&bench);
    let parquet = std::fs::read(bench.path("hf.parquet")).unwrap();
    let repo = Repo::default()
        .file("README.md", "digits")
        .file("data/train-00000-of-00001.parquet", parquet.clone())
        .file("data/test-00000-of-00001.parquet", parquet);
    server.put("datasets/lab/digits", repo);
    // A whole repository is not taken for one data set in silence.
    let set = "data.shards=hf://datasets/lab/digits";
    let (_, err) = expect(&bench, &server, 2, &["run", "p.toml", "--set", set]);
    assert!(err.contains("`hf://datasets/lab/digits/data/train*.parquet` (1 files)"), "{err}");
    let model = crate::harness::checkout().join("models/demo").display().to_string();
    let init = ["init", "hf://datasets/lab/digits", "--model", &model, "--ipc", "4"];
    expect(&bench, &server, 0, &init);
    let text = std::fs::read_to_string(bench.path("digits.toml")).unwrap();
    assert!(text.contains("hf://datasets/lab/digits/data/train*.parquet"), "{text}");
    let list = std::fs::read_to_string(bench.path("digits.classes.txt")).unwrap();
    assert!(list.ends_with("0, zero\n1, one\n2, two\n"), "{list}");
    server.take_asked();
    let cpu = ["--set", "runtime.devices=cpu", "--set", "runtime.threads=1", "--until", "discover"];
    expect(&bench, &server, 0, &[&["run", "digits.toml"][..], &cpu].concat());
    let asked = server.take_asked();
    assert!(asked.iter().any(|asked| asked.of_store && asked.range.is_some()));
    assert!(!asked.iter().any(|asked| asked.target.contains("test-00000") && asked.of_store));
}
