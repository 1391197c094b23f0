//! The settings of generation in whole runs: devices, schedulers, prompts, seeds, images that come to nothing.

use crate::harness::{Bench, read_shard};

fn meta(members: &std::collections::BTreeMap<String, Vec<u8>>) -> serde_json::Value {
    serde_json::from_slice(&members["json"]).unwrap()
}

#[test]
fn two_devices_give_the_bytes_of_one() {
    let bench = Bench::new();
    bench.expect(0, &["run", "p.toml", "--set", "generate.batch=2"]);
    let (_, stderr) = bench.expect(
        0,
        &[
            "run",
            "p.toml",
            "--run-dir",
            "b",
            "--set",
            "generate.batch=2",
            "--set",
            "devices=[\"cpu\", \"cpu\"]",
        ],
    );
    assert!(stderr.contains("on cpu, cpu"), "{stderr}");
    assert_eq!(bench.results("run"), bench.results("b"));
}

/// Terms that couple images, that draw for themselves, that leave out steps and rows: all on, on one device and on two.
#[test]
fn every_term_of_guidance_gives_the_same_bytes_on_two_devices_and_classes_apart() {
    let bench = Bench::new();
    let terms = [
        "start.sigma=2",
        "interval.from=0.4",
        "prompt-noise.strength=0.1",
        "published.schedule=scaled",
        "anchor.strength=0.3",
        "low-frequency.strength=0.2",
        "distribution.strength=0.2",
        "repulsion.strength=0.1",
        "class-mean.strength=0.2",
    ];
    let sets = terms.map(|term| ["--set".to_owned(), format!("guidance.{term}")]).concat();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let common =
        [&["run", "p.toml", "--set", "generate.batch=3", "--set", "preview=true"], &sets[..]]
            .concat();
    bench.expect(0, &common);
    // Four images a class: a group of three and one of one.
    let receipts =
        |class: usize| bench.path(&format!("run/generate/batch-{class:06}.receipt.json"));
    assert!(receipts(5).exists() && !receipts(6).exists());
    assert!(bench.path("run/preview/2.png").exists());
    bench.expect(
        0,
        &[&common[..], &["--run-dir", "b", "--set", "devices=[\"cpu\", \"cpu\"]"]].concat(),
    );
    assert_eq!(bench.results("run"), bench.results("b"));
    // Another size of group is another set of images that depend on each other.
    bench.expect(0, &[&common[..], &["--run-dir", "c", "--set", "generate.batch=2"]].concat());
    assert_ne!(bench.results("run"), bench.results("c"));
    let found = meta(&read_shard(&bench.path("run/distilled/mini-000000.tar"))["1_0002"]);
    assert_eq!(found["settings"]["guidance"]["repulsion"]["strength"], 0.1);
    assert_eq!(found["settings"]["schedule"], "scaled");
}

#[test]
fn prompts_seeds_and_previews_follow_the_settings() {
    let bench = Bench::new();
    std::fs::write(bench.path("classes.txt"), "0, zero | digit\n1, one | digit\n2, two | digit\n")
        .unwrap();
    bench.expect(
        0,
        &[
            "run",
            "p.toml",
            "--set",
            "preview=true",
            "--set",
            "seeds=published",
            "--set",
            "noise=torch-cpu",
            "--set",
            "generate.seed=7",
            "--set",
            "prompt=a {name}, {supercategory}",
            "--set",
            "scheduler=ddim",
            "--set",
            "guidance_rescale=0.5",
        ],
    );
    let set = read_shard(&bench.path("run/distilled/mini-000000.tar"));
    let found = meta(&set["1_0002"]);
    assert_eq!(found["prompt"], "a one, digit");
    assert_eq!(found["seed"], 7 + 4 + 1000 + 2);
    assert_eq!(found["settings"]["scheduler"], "ddim");
    let sheet = image::open(bench.path("run/preview/2.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (4 * 32 + 5 * 2, 32 + 4));
    std::fs::write(bench.path("classes.txt"), "0, zero\n1, one\n2, two\n").unwrap();
    let (_, stderr) =
        bench.expect(1, &["run", "p.toml", "--run-dir", "b", "--set", "prompt={supercategory}"]);
    assert!(stderr.contains("class list has no supercategory for \"0\""), "{stderr}");
}

/// A pull far beyond reason makes latents that leave the range of floats: such images are named and left out.
#[test]
fn images_that_come_to_nothing_are_retried_named_and_limited() {
    let bench = Bench::new();
    let wild = [
        "run",
        "p.toml",
        "--set",
        "gamma=1e30",
        "--set",
        "schedule=sigma",
        "--set",
        "generate.batch=4",
    ];
    let (_, stderr) = bench.expect(1, &wild);
    assert!(stderr.contains("non-finite values at step"), "{stderr}");
    assert!(
        stderr.contains("with another seed") && stderr.contains("max_failed allows 0"),
        "{stderr}"
    );
    let (_, stderr) = bench.expect(0, &[&wild[..], &["--set", "max_failed=12"]].concat());
    assert!(stderr.contains("not generated: 2/3: "), "{stderr}");
    assert!(stderr.contains("0 distilled images of 3 classes"), "{stderr}");
    assert!(stderr.contains("12 real cores"), "{stderr}");
}
