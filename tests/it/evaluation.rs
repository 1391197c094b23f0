//! `coda-pipe evaluate` and `coda-pipe stability`: on a finished run, resumable, and refusing what they can't use.

use crate::harness::{Bench, checkout, digits, write_shard};
use coda_pipe::internals::arrays;
use coda_pipe::shards::Sample;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A finished run, and a shard of 45 digits that it has not seen.
fn finished() -> Bench {
    let bench = Bench::with_run(&[]);
    write_shard(&bench.path("held-out.tar"), &unseen());
    bench
}

fn unseen() -> Vec<Sample> {
    let seen: Vec<String> = digits(30).into_iter().map(|sample| sample.key).collect();
    let mut samples = digits(45);
    samples.retain(|sample| !seen.contains(&sample.key));
    samples
}

fn json(bench: &Bench, args: &[&str]) -> Value {
    serde_json::from_str(&bench.expect(0, &[args, &["--json"]].concat()).0).unwrap()
}

/// Every file below `folder` but receipts, which hold times.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true => folders.push(path),
                false if name.ends_with(".receipt.json") => {}
                false => drop(found.insert(name, std::fs::read(&path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn a_run_is_evaluated_once_and_says_so_in_a_table_and_in_json() {
    let bench = finished();
    let evaluate = ["evaluate", "run", "--against", "held-out.tar", "--seeds", "3"];
    let (table, stderr) = bench.expect(0, &evaluate);
    assert!(table.contains("tested on 45 held-out images"), "{table}");
    for set in ["distilled", "cores", "random"] {
        assert!(
            table.lines().any(|line| line.starts_with(set) && line.contains(" 12 ")),
            "{table}"
        );
    }
    assert!(stderr.contains("evaluate/sets 6 units"), "{stderr}");

    let (again, stderr) = bench.expect(0, &evaluate);
    assert_eq!(again, table);
    assert_eq!(stderr.matches("units done before").count(), 4, "{stderr}");
    let found = json(&bench, &evaluate);
    let kept = std::fs::read(bench.path("run/evaluate/evaluation.json")).unwrap();
    assert_eq!(found, serde_json::from_slice::<Value>(&kept).unwrap());
    assert_eq!((&found["test_images"], &found["seeds"]), (&45.into(), &3.into()));
    let sets = found["sets"].as_array().unwrap();
    assert_eq!(
        sets.iter().map(|s| s["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["distilled", "cores", "random"]
    );
    for set in sets {
        // Zeros, ones and twos are easily told apart.
        for by in ["probe", "knn"] {
            let accuracy = set[by]["mean"].as_f64().unwrap();
            assert!((0.6..=1.0).contains(&accuracy), "{by}: {set}");
            let classes = set["classes"].as_array().unwrap();
            let mean: f64 = classes.iter().map(|c| c[by].as_f64().unwrap()).sum::<f64>() / 3.0;
            assert!((mean - accuracy).abs() < 1e-9, "{by}: {set}");
        }
        let varies = set["name"] == "random";
        assert_eq!(set["probe"]["std"].is_f64(), varies, "a deviation of one number: {set}");
        let coverage = set["coverage"].as_f64().unwrap();
        assert!(
            coverage > 0.0 && coverage <= 1.0 && set["frechet"].as_f64().unwrap() > 0.0,
            "{set}"
        );
    }
    let (said, _) = bench.expect(0, &["verify", "run"]);
    assert!(said.contains("0 damaged, 0 in no receipt"), "{said}");
    stands_between_random_images_and_the_whole_data(&found);
    assert!(table.contains("all real images (90): linear probe "), "{table}");
    assert!(
        table.lines().any(|line| ["HLR", "IOR", "LRS"].iter().all(|title| line.contains(title)))
    );
}

/// HLR, IOR and LRS of every set by the definition (arXiv 2505.13300), from the accuracies beside them.
fn stands_between_random_images_and_the_whole_data(found: &Value) {
    let number = |value: &Value| value.as_f64().unwrap();
    let whole = number(&found["whole"]["probe"]);
    assert_eq!(found["whole"]["images"], 90);
    assert!((0.6..=1.0).contains(&number(&found["whole"]["knn"])), "{found}");
    let random = number(&found["sets"][2]["probe"]["mean"]);
    for set in found["sets"].as_array().unwrap() {
        let accuracy = number(&set["probe"]["mean"]);
        let (hlr, ior) = (number(&set["hlr"]), number(&set["ior"]));
        assert!((hlr - (whole - accuracy)).abs() < 1e-12, "{set}");
        assert!((ior - (accuracy - random)).abs() < 1e-12, "{set}");
        let (alpha, e) = ((ior - hlr) / 2.0, std::f64::consts::E);
        let score = (alpha.exp() - 1.0 / e) / (e - 1.0 / e);
        assert!((number(&set["lrs"]) - score).abs() < 1e-12, "{set}");
    }
}

/// Rows of the latents of all parts in `folder`.
fn rows(folder: &Path) -> Vec<Vec<f64>> {
    let mut parts: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
    let read = parts.iter().flat_map(|part| {
        let table = arrays::read(part, Some("latent")).unwrap();
        let rows = table.values.chunks_exact(table.row_len());
        rows.map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect::<Vec<Vec<f64>>>()
    });
    read.collect()
}

/// From the tables on disk, by the definition (Naeem et al. 2020).
#[test]
fn coverage_and_density_are_those_of_the_tables_features() {
    let bench = finished();
    let args = ["evaluate", "run", "--against", "held-out.tar", "--seeds", "1"];
    let found = &json(&bench, &args)["sets"][0];
    let (real, made) =
        (rows(&bench.path("run/encode")), rows(&bench.path("run/evaluate/distilled")));
    assert_eq!((real.len(), made.len()), (90, 12));
    let distance = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    };
    let inside: Vec<usize> = real
        .iter()
        .map(|own| {
            let mut near: Vec<f64> = real.iter().map(|other| distance(own, other)).collect();
            near.sort_by(f64::total_cmp);
            // The first is the row itself.
            made.iter().filter(|image| distance(own, image) < near[5]).count()
        })
        .collect();
    let coverage = inside.iter().filter(|count| **count > 0).count() as f64 / 90.0;
    let density = inside.iter().sum::<usize>() as f64 / (5.0 * 12.0);
    assert!(coverage > 0.0 && density > 0.0);
    assert!((found["coverage"].as_f64().unwrap() - coverage).abs() < 1e-12, "{found}");
    assert!((found["density"].as_f64().unwrap() - density).abs() < 1e-12, "{found}");
}

#[test]
fn killed_anywhere_an_evaluation_goes_on_to_the_same_bytes() {
    let bench = finished();
    let copied = std::process::Command::new("cp")
        .args(["-a", "run", "killed"])
        .current_dir(bench.path(""))
        .status();
    assert!(copied.unwrap().success());
    let evaluate = |run| ["evaluate", run, "--against", "held-out.tar", "--seeds", "2"];
    bench.expect(0, &evaluate("run"));
    let mut kills = 0;
    // 3 shards, 4 sets.
    for receipts in 0..7 {
        // With one thread, too: no sum depends on them.
        let mut command = bench.command(&evaluate("killed"));
        let mut child = command.env("RAYON_NUM_THREADS", "1").spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if count_receipts(&bench.path("killed/evaluate")) > receipts {
                child.kill().unwrap();
                kills += 1;
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.wait().unwrap();
    }
    assert!(kills >= 4, "only {kills} kills hit a living process");
    bench.expect(0, &evaluate("killed"));
    let (killed, whole) = (bench.path("killed/evaluate"), bench.path("run/evaluate"));
    assert_eq!(files(&killed), files(&whole));
    assert!(files(&whole).contains_key("evaluation.json"));
}

fn count_receipts(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: &Path| match path.is_dir() {
        true => count_receipts(path),
        false => usize::from(path.to_string_lossy().ends_with(".receipt.json")),
    };
    entries.flatten().map(|entry| count(&entry.path())).sum()
}

/// The demo's own image encoder as another one: it sees all data anew, and gives way again.
#[test]
fn another_encoder_sees_all_data_and_leaves_no_trace_in_the_next_answer() {
    let bench = finished();
    let own = ["evaluate", "run", "--against", "held-out.tar", "--seeds", "2"];
    let first = json(&bench, &own);
    let model = checkout().join("models/demo/vae_encoder/model.onnx");
    let model = model.to_string_lossy().into_owned();
    let half = "0.5,0.5,0.5";
    let other = ["--features", &model, "--size", "32", "--mean", half, "--std", half];
    let (_, stderr) = bench.expect(0, &[&own[..], &other].concat());
    assert!(stderr.contains("evaluate/training 2 units, 90 samples"), "{stderr}");
    assert!(stderr.contains("of other shards or settings: replaced"), "{stderr}");
    let text = std::fs::read_to_string(bench.path("run/evaluate/evaluation.json")).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert!(found["features"].as_str().unwrap().ends_with("model.onnx, 32 pixels"), "{text}");
    assert!(found["sets"][0]["probe"]["mean"].as_f64().unwrap() > 0.6, "{text}");
    assert_ne!(found["sets"][0]["frechet"], first["sets"][0]["frechet"]);
    assert_eq!(json(&bench, &own), first);
}

#[test]
fn held_out_shards_that_do_not_fit_are_named() {
    let bench = finished();
    let mut samples = unseen();
    samples.iter_mut().for_each(|sample| sample.members.retain(|m| m.extension != "cls"));
    write_shard(&bench.path("unlabelled.tar"), &samples);
    let (_, stderr) = bench.expect(1, &["evaluate", "run", "--against", "unlabelled.tar"]);
    assert!(stderr.contains("45 of 45 held-out samples are bad"), "{stderr}");
    assert!(
        stderr.contains("unlabelled.tar: ") && stderr.contains("labels from `cls`"),
        "{stderr}"
    );

    let mut samples = unseen();
    for sample in &mut samples {
        let label = sample.members.iter_mut().find(|member| member.extension == "cls").unwrap();
        label.bytes = b"9".to_vec();
    }
    write_shard(&bench.path("others.tar"), &samples);
    let (_, stderr) = bench.expect(1, &["evaluate", "run", "--against", "others.tar"]);
    assert!(stderr.contains("others.tar: ") && stderr.contains("unknown class \"9\""), "{stderr}");
    // A few of them are left out, as a run would, and listed.
    let mut few = unseen();
    few.extend(samples.into_iter().take(3).map(|s| Sample { key: format!("x{}", s.key), ..s }));
    write_shard(&bench.path("few.tar"), &few);
    let found = json(&bench, &["evaluate", "run", "--against", "few.tar", "--seeds", "1"]);
    assert_eq!(found["left_out"].as_array().unwrap().len(), 3, "{}", found["left_out"]);
    assert_eq!(found["sets"][2]["probe"]["std"], Value::Null);

    let (_, stderr) = bench.expect(2, &["evaluate", "run", "--against", "no-such.tar"]);
    assert!(stderr.contains("no-such.tar"), "{stderr}");
}

#[test]
fn what_is_not_finished_or_not_possible_is_refused() {
    let bench = Bench::with_run(&["--until", "discover"]);
    let (_, stderr) = bench.expect(1, &["evaluate", "run", "--against", "train-000000.tar"]);
    assert!(stderr.contains("no finished run in") && stderr.contains("of assemble"), "{stderr}");
    let (_, stderr) = bench.expect(1, &["evaluate", ".", "--against", "train-000000.tar"]);
    assert!(stderr.contains("no run in ."), "{stderr}");
    bench.expect(2, &["evaluate", "run"]);
    bench.expect(2, &["evaluate", "run", "--against", "a.tar", "--size", "32"]);
    bench.expect(2, &["evaluate", "run", "--against", "a.tar", "--seeds", "0"]);
    let wrong = ["--features", "m.onnx", "--mean", "1,2"];
    bench.expect(2, &[&["evaluate", "run", "--against", "a.tar"][..], &wrong].concat());
    let (_, stderr) = bench.expect(2, &["stability", "run", "--seeds", "1"]);
    assert!(stderr.contains("at least 2"), "{stderr}");
    std::fs::remove_file(bench.path("run/discover/1/cores.parquet")).unwrap();
    let (_, stderr) = bench.expect(1, &["stability", "run"]);
    assert!(stderr.contains("2 of 3 units of discover"), "{stderr}");
}

#[test]
fn stability_tells_searches_that_change_from_those_that_cannot() {
    let bench = Bench::new();
    let search = |algorithm: &str| {
        let set = format!("algorithm={algorithm}");
        bench.expect(
            0,
            &["run", "p.toml", "--until", "discover", "--set", &set, "--run-dir", algorithm],
        );
        json(&bench, &["stability", algorithm, "--seeds", "4"])
    };
    let herding = search("herding");
    for class in herding["classes"].as_array().unwrap() {
        assert_eq!(
            (&class["cores_by_seed"], &class["distance_by_seed"]),
            (&1.0.into(), &0.0.into())
        );
        assert!(class["cores_by_n_neighbors"].is_null() && class["images"] == 30, "{class}");
    }
    let random = &search("random")["mean"];
    let share = random["cores_by_seed"].as_f64().unwrap();
    assert!(share < 0.4, "4 of 30 rows at random: {random}");
    let apart = random["distance_by_seed"].as_f64().unwrap();
    assert!(
        (0.75..1.25).contains(&apart),
        "random choices are as far apart as random choices: {random}"
    );

    let coda = search("coda");
    for (name, value) in coda["mean"].as_object().unwrap() {
        let value = value.as_f64().unwrap();
        let most = if name.starts_with("distance") { 2.0 } else { 1.0 };
        assert!((-0.5..=most).contains(&value), "{name}: {value}");
    }
    // One class is done again, to the same bytes, the others not at all.
    let before = files(&bench.path("coda/stability"));
    std::fs::remove_file(bench.path("coda/stability/classes/1.json")).unwrap();
    let (table, stderr) = bench.expect(0, &["stability", "coda", "--seeds", "4"]);
    assert!(stderr.contains("3 units (2 done before)"), "{stderr}");
    assert!(table.lines().last().unwrap().starts_with("mean"), "{table}");
    assert_eq!(files(&bench.path("coda/stability")), before);
}

/// The run knows where its command was given, which its paths are relative to.
#[test]
fn a_finished_run_is_found_from_any_folder() {
    let bench = Bench::new();
    std::fs::rename(bench.path("classes.txt"), bench.path("moved.txt")).unwrap();
    bench.expect(0, &["run", "p.toml", "--until", "discover", "--set", "classes=moved.txt"]);
    let run = bench.path("run").to_string_lossy().into_owned();
    let mut command = bench.command(&["stability", &run, "--seeds", "2"]);
    let output = command.current_dir("/").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
