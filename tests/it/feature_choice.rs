//! Where features come from and what is left out by them: settings of a run.

use crate::harness::{Bench, digits, write_shard};
use coda_pipe::internals::arrays;
use coda_pipe::internals::store::tables::{read_cores, read_purity};
use std::fs::OpenOptions;
use std::io::Write;

fn add(bench: &Bench, section: &str) {
    let mut file = OpenOptions::new().append(true).open(bench.path("p.toml")).unwrap();
    writeln!(file, "{section}").unwrap();
}

fn cores(bench: &Bench, run: &str, class: &str) -> Vec<String> {
    let path = bench.path(run).join(format!("discover/{class}/cores.parquet"));
    read_cores(&path).unwrap().into_iter().map(|core| core.key).collect()
}

/// The demo's own image encoder as a "second" one: with its preprocessing, the first half of its output is the latent.
#[test]
fn a_second_encoder_gives_features_and_anchors_stay_latents() {
    let bench = Bench::new();
    let model = crate::harness::checkout().join("models/demo/vae_encoder/model.onnx");
    add(
        &bench,
        &format!(
            "[features]\nmodel = {model:?}\nsize = 32\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]"
        ),
    );
    bench.expect(0, &["run", "p.toml", "--until", "anchor", "--set", "encode.dtype=f32"]);
    let part = bench.path("run/encode/part-000000.parquet");
    let latents = arrays::read(&part, Some("latent")).unwrap();
    let table = std::fs::File::open(&part).unwrap();
    let batch = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(table)
        .unwrap()
        .build()
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let feature =
        arrow::array::AsArray::as_fixed_size_binary(&**batch.column_by_name("feature").unwrap())
            .value(3);
    let feature: Vec<f32> =
        feature.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let width = latents.row_len();
    assert_eq!(feature.len(), 2 * width, "mean and log-variance");
    let latent = &latents.values[3 * width..4 * width];
    let scale = latent[0] / feature[0];
    for (latent, feature) in latent.iter().zip(&feature) {
        assert!((latent - scale * feature).abs() < 1e-4, "{latent} {feature} {scale}");
    }
    // The embedding has its own features behind it; anchors hold latents.
    let anchors = arrays::read(&bench.path("run/anchor/0.parquet"), Some("latent")).unwrap();
    assert_eq!(anchors.shape[1..], latents.shape[1..]);

    let (_, stderr) =
        bench.expect(1, &["run", "p.toml", "--run-dir", "b", "--set", "features.output=nonsense"]);
    assert!(
        stderr.contains("no output \"nonsense\"") && stderr.contains("latent_parameters"),
        "{stderr}"
    );
}

#[test]
fn algorithms_and_grids_are_settings_and_the_log_says_what_was_done() {
    let bench = Bench::new();
    let mut chosen = Vec::new();
    for algorithm in ["coda", "kmeans", "herding", "k-center", "random"] {
        let set = format!("algorithm={algorithm}");
        bench.expect(
            0,
            &["run", "p.toml", "--until", "discover", "--set", &set, "--run-dir", algorithm],
        );
        chosen.push(cores(&bench, algorithm, "1"));
        let (stdout, _) = bench.expect(0, &["status", algorithm, "--verbose"]);
        let said = if algorithm == "coda" { "clusters" } else { algorithm };
        assert!(stdout.contains(said) && stdout.contains("discover/1"), "{stdout}");
        assert!(!stdout.contains("purity"), "a stage that is off is shown: {stdout}");
    }
    chosen.dedup();
    assert_eq!(chosen.len(), 5, "two algorithms chose the same");
    let (stdout, _) = bench.expect(0, &["status", "coda", "-v"]);
    assert!(stdout.contains("recall 1.0000 at 10") && stdout.contains("noise"), "{stdout}");

    // Another grid is another space: discover is stale, encode is not.
    let changed = [
        "run",
        "p.toml",
        "--run-dir",
        "coda",
        "--until",
        "discover",
        "--set",
        "features={ grid = 2 }",
    ];
    let (_, stderr) = bench.expect(2, &changed);
    assert!(stderr.contains("discover.features"), "{stderr}");
    bench.expect(0, &[&changed[..], &["--force"]].concat());
    assert_eq!(bench.events("coda", "unit_finished"), 2 + 1 + 3 + 3);
}

#[test]
fn wrong_labels_are_left_out_counted_and_listed() {
    let bench = Bench::new();
    let mut samples = digits(30);
    // Three ones are called zero.
    let mut wrong = Vec::new();
    for sample in &mut samples {
        let label = sample.members.iter_mut().find(|m| m.extension == "cls").unwrap();
        if label.bytes == b"1" && wrong.len() < 3 {
            label.bytes = b"0".to_vec();
            wrong.push(sample.key.clone());
        }
    }
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    write_shard(&bench.path("train-000001.tar"), &samples[45..]);
    let run = ["run", "p.toml", "--set", "min_label_purity=0.5"];
    let (_, stderr) = bench.expect(0, &run);
    let rows = read_purity(&bench.path("run/purity/purity.parquet")).unwrap();
    assert_eq!(rows.len(), 90);
    let left: Vec<&String> = rows.iter().filter(|row| !row.kept).map(|row| &row.key).collect();
    assert!(wrong.iter().all(|key| left.contains(&key)), "{left:?}");
    assert!(left.len() <= 12, "{left:?}");
    assert!(stderr.contains(&format!("{} images left out", left.len())), "{stderr}");
    let (stdout, _) = bench.expect(0, &["status", "run", "--verbose"]);
    assert!(stdout.contains(&format!("{} of 90 images left out", left.len())), "{stdout}");
    for class in ["0", "1", "2"] {
        assert!(cores(&bench, "run", class).iter().all(|key| !left.contains(&key)));
    }
    let (_, stderr) = bench.expect(0, &run);
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");
    // Off again: other settings, and nothing is left out.
    let (_, stderr) = bench.expect(2, &["run", "p.toml"]);
    assert!(stderr.contains("discover"), "{stderr}");
    let strict =
        ["run", "p.toml", "--run-dir", "b", "--set", "min_label_purity=1", "--set", "ipc=27"];
    let (_, stderr) = bench.expect(1, &strict);
    assert!(
        stderr.contains("left by min_label_purity") && stderr.contains("allow_fewer"),
        "{stderr}"
    );
}

#[test]
fn a_small_class_is_an_error_or_gives_all_it_has() {
    let bench = Bench::new();
    let samples = digits(30);
    let few = samples
        .iter()
        .filter(|s| s.get("cls") != Some(b"2"))
        .chain(samples.iter().filter(|s| s.get("cls") == Some(b"2")).take(3));
    write_shard(&bench.path("train-000000.tar"), &few.cloned().collect::<Vec<_>>());
    write_shard(&bench.path("train-000001.tar"), &[]);
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("fewer than ipc = 4 images") && stderr.contains("2: 3"), "{stderr}");
    assert!(stderr.contains("allow_fewer=true"), "{stderr}");
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--set", "allow_fewer=true"]);
    assert!(stderr.contains("11 distilled images of 3 classes"), "{stderr}");
    assert_eq!(crate::harness::read_shard(&bench.path("run/distilled/mini-000000.tar")).len(), 11);
}
