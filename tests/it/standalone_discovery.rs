//! `coda-pipe discover FILE`: any table of features, the same numbers as the library and as a run.

use crate::harness::{Bench, checkout};
use coda_pipe::internals::arrays;
use serde_json::Value;

fn golden(name: &str) -> (String, Value) {
    let folder = checkout().join("tests/golden/discover");
    let table = folder.join(format!("{name}.safetensors")).to_string_lossy().into_owned();
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    (table, serde_json::from_str(&text).unwrap())
}

fn json(bench: &Bench, args: &[&str]) -> Value {
    let (stdout, _) = bench.expect(0, &[&["discover", "--json"], args].concat());
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_golden_embedding_gives_its_golden_cores() {
    let bench = Bench::new();
    let (table, expected) = golden("tiny_penguin_n15_s5");
    let size = ["--algorithm", "coda", "--min-cluster-size", "5", "--ipc", "10"];
    let args = [&[table.as_str(), "--tensor", "umap", "--embedded"], &size[..]].concat();
    let found = json(&bench, &args);
    let cores = &expected["ipc"]["10"];
    assert_eq!(found["selected"], cores["selected"], "{}", found["log"]);
    assert_eq!(found["origin"], cores["origin"]);
    assert_eq!(found["size"], cores["size"]);
    let labels = arrays::read(table.as_ref(), Some("labels")).unwrap().values;
    assert_eq!(found["labels"].as_array().unwrap().len(), labels.len());
    assert!(
        found["labels"]
            .as_array()
            .unwrap()
            .iter()
            .zip(&labels)
            .all(|(l, g)| l.as_f64() == Some(f64::from(*g)))
    );

    let (stdout, stderr) = bench.expect(0, &[&["discover"], &args[..]].concat());
    assert!(stdout.contains("26 clusters") && stdout.contains("hdbscan_initial"), "{stdout}");
    assert!(stderr.contains("computed in"), "{stderr}");
}

#[test]
fn the_written_embedding_is_a_table_again() {
    let bench = Bench::new();
    let (table, _) = golden("tiny_penguin_n15_s5");
    let settings =
        ["--algorithm", "coda", "--min-cluster-size", "5", "--n-neighbors", "15", "--ipc", "7"];
    let embed = [&[table.as_str(), "--tensor", "pixels", "--embedding", "e.npy"], &settings[..]];
    let (whole, again) = (json(&bench, &embed.concat()), json(&bench, &embed.concat()));
    assert_eq!(whole, again, "two runs differ");
    let second = json(&bench, &[&["e.npy", "--embedded"], &settings[..]].concat());
    for key in ["labels", "probabilities", "selected", "origin", "size"] {
        assert_eq!(whole[key], second[key], "{key}");
    }
}

#[test]
fn every_algorithm_finds_distinct_cores() {
    let bench = Bench::new();
    let (table, _) = golden("tiny_penguin_n15_s5");
    for algorithm in ["kmeans", "density", "herding", "k-center", "random"] {
        let args =
            [&table, "--tensor", "pixels", "--algorithm", algorithm, "--ipc", "20", "--pca", "30"];
        let found = json(&bench, &args);
        let mut rows: Vec<u64> =
            found["selected"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 20, "{algorithm}");
    }
}

/// The tables of a run are tables of features too.
#[test]
fn a_runs_tables_give_the_runs_cores() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--until", "discover", "--set", "neighbors=exact"]);
    let cores = coda_pipe::internals::store::tables::read_cores(
        &bench.path("run/discover/1/cores.parquet"),
    );
    let cores: Vec<u64> = cores.unwrap().iter().map(|core| core.row).collect();
    let table = "run/discover/1/embedding.parquet";
    let settings =
        ["--algorithm", "coda", "--ipc", "4", "--min-cluster-size", "4", "--n-neighbors", "10"];
    let found =
        json(&bench, &[&[table, "--column", "coordinates", "--embedded"], &settings[..]].concat());
    assert_eq!(found["selected"], Value::from(cores));
    let part = "run/encode/part-000000.parquet";
    let pooled =
        json(&bench, &[&[part, "--grid", "4", "--embedding", "e.npy"], &settings[..]].concat());
    assert_eq!(pooled["selected"].as_array().unwrap().len(), 4);
}

#[test]
fn what_cannot_be_used_is_said() {
    let bench = Bench::new();
    let (table, _) = golden("tiny_penguin_n15_s5");
    let (_, stderr) = bench.expect(1, &["discover", &table]);
    assert!(
        stderr.contains("choose a tensor with --tensor: ") && stderr.contains("umap"),
        "{stderr}"
    );
    let (_, stderr) = bench.expect(1, &["discover", &table, "--tensor", "umap", "--ipc", "501"]);
    assert!(stderr.contains("500 rows can't give 501 distinct cores"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["discover", &table, "--tensor", "umap", "--ipc", "0"]);
    assert!(stderr.contains("ipc = 0"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["discover", &table, "--tensor", "umap", "--grid", "3"]);
    assert!(stderr.contains("--grid needs rows of channels"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["discover", &table, "--algorithm", "magic"]);
    assert!(stderr.contains("one of coda, kmeans"), "{stderr}");
    bench.expect(1, &["discover", "p.toml"]);
}
