//! Components of a model from other folders count as if they lay in its own, and those that don't belong together are refused
//! before anything is encoded.

use crate::harness::{Bench, checkout};
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target)
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// A bench with the demo's model whole (`whole/`), without its autoencoder (`bare/`), and that alone (`vae/`).
fn bench() -> Bench {
    let bench = Bench::new();
    let demo = checkout().join("models/demo");
    copy(&demo, &bench.path("whole"));
    copy(&demo, &bench.path("bare"));
    for part in ["vae_encoder", "vae_decoder"] {
        copy(&demo.join(part), &bench.path("vae").join(part));
        std::fs::remove_dir_all(bench.path("bare").join(part)).unwrap();
    }
    bench
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_run_is_current_wherever_its_components_lie() {
    let bench = bench();
    bench.expect(0, &["run", "p.toml", "--set", "model.path=whole", "--until", "encode"]);
    let receipt = bench.path("run/encode/part-000000.receipt.json");
    let made = std::fs::metadata(&receipt).unwrap().modified().unwrap();
    let mixed = ["--set", "model.path=bare", "--set", "model.vae=vae"];
    bench.expect(0, &[&["run", "p.toml", "--until", "encode"][..], &mixed].concat());
    assert_eq!(std::fs::metadata(&receipt).unwrap().modified().unwrap(), made);
    // One other byte in the component, and the run is stale.
    edit(
        &bench.path("vae/vae_decoder/config.json"),
        "\"latent_channels\": 4",
        "\"latent_channels\":  4",
    );
    let (_, said) =
        bench.expect(2, &[&["run", "p.toml", "--until", "encode"][..], &mixed].concat());
    assert!(said.contains("model.path"), "{said}");
}

#[test]
fn an_image_is_the_same_wherever_the_components_lie() {
    let bench = bench();
    let image = |args: &[&str]| {
        let common = ["--prompt", "seven", "--steps", "2", "--size", "32", "--out", "a.png"];
        bench.expect(0, &[&["sample"][..], args, &common].concat());
        std::fs::read(bench.path("a.png")).unwrap()
    };
    let whole = image(&["whole"]);
    assert_eq!(image(&["bare", "--vae", "vae"]), whole);
    assert_eq!(image(&["bare", "--set", "model.vae=whole", "--unet", "whole/unet"]), whole);
    bench.expect(0, &["doctor", "--model", "bare", "--set", "model.vae=vae"]);
    bench.expect(1, &["doctor", "--model", "bare"]);
    bench.expect(2, &["doctor", "--model", "bare", "--set", "model.clip=vae"]);
}

#[test]
fn components_of_different_models_are_refused_and_both_files_named() {
    let bench = bench();
    let refused = |sets: &[&str], words: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let args: Vec<&str> =
            ["run", "p.toml", "--set", "model.path=whole"].into_iter().chain(sets).collect();
        let (_, said) = bench.expect(2, &args);
        words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
        assert!(!bench.path("run/encode").exists());
    };
    let config = bench.path("vae/vae_decoder/config.json");
    edit(&config, "\"scaling_factor\": 0.9005454778671265", "\"scaling_factor\": 0.13025");
    let both = ["vae/vae_decoder/config.json", "whole/vae_decoder/config.json"];
    refused(
        &["model.vae=vae"],
        &[&both[..], &["scaling_factor is 0.13025, but 0.9005455"]].concat(),
    );
    edit(&config, "\"latent_channels\": 4", "\"latent_channels\": 16");
    refused(
        &["model.vae=vae"],
        &["whole/unet/config.json", "vae/vae_decoder/config.json", "16 channels"],
    );
    let other = checkout().join("tests/golden/tiny-sd/fp32");
    let unet = format!("model.unet={}", other.display());
    refused(
        &[&unet],
        &[
            "cross_attention_dim is 32",
            "tiny-sd/fp32/unet/config.json",
            "whole/text_encoder_2/config.json",
        ],
    );
    refused(&["model.vae=nowhere"], &["nowhere", "no such folder"]);
}
