//! Image encoders that draw their latent, as optimum exported them up to 1.22, give the latents of later exports.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use coda_pipe::models::{Encoder, ModelFolder};
use coda_pipe::onnx::GraphOptions;

use super::support::{greatest_difference, runtime};
use crate::harness::Bench;

const SIZE: usize = 32;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The miniature model of `dtype`, with `encoder` in the place of its image encoder.
fn model(folder: &Path, dtype: &str, encoder: &str) -> PathBuf {
    let (from, to) = (golden("tiny-sd").join(dtype), folder.join(encoder));
    std::fs::create_dir_all(to.join("vae_encoder")).unwrap();
    for entry in std::fs::read_dir(&from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "vae_encoder" {
            symlink(from.join(&name), to.join(&name)).unwrap();
        }
    }
    symlink(golden("old-encoder").join(encoder), to.join("vae_encoder/model.onnx")).unwrap();
    to
}

fn latents(model: &Path) -> Vec<f32> {
    let folder = ModelFolder::open(model).unwrap();
    let mut encoder = Encoder::load(&folder, &runtime(), &GraphOptions::default()).unwrap();
    let pixels = (0..2 * 3 * SIZE * SIZE).map(|at| ((at * 7919) % 255) as f32 / 127.5 - 1.0);
    encoder.encode(&pixels.collect::<Vec<f32>>(), 2, SIZE).unwrap()
}

#[test]
fn a_drawing_encoder_gives_the_latents_of_a_later_export() {
    let dir = tempfile::tempdir().unwrap();
    let old = latents(&model(dir.path(), "fp32", "fp32.onnx"));
    assert!(greatest_difference(&old, &latents(&golden("tiny-sd/fp32"))) <= 1e-5);
    assert!(old.iter().any(|value| value.abs() > 0.05));
    let half = latents(&model(dir.path(), "fp16", "fp16.onnx"));
    let later = latents(&model(dir.path(), "fp16", "later-fp16.onnx"));
    assert!(greatest_difference(&half, &later) <= 1e-5);
    // Another exporter's graph rounds elsewhere.
    assert!(greatest_difference(&half, &latents(&golden("tiny-sd/fp16"))) <= 1e-3);
}

#[test]
fn doctor_says_that_the_encoder_was_cut() {
    let bench = Bench::new();
    let model = model(&bench.path(""), "fp32", "fp32.onnx");
    let (stdout, _) = bench.expect(0, &["doctor", "--model", model.to_str().unwrap()]);
    assert!(stdout.contains("this encoder draws a random latent"), "{stdout}");
    assert!(stdout.contains("cut in memory") && stdout.contains("usable"), "{stdout}");
    let (stdout, _) =
        bench.expect(0, &["doctor", "--model", golden("tiny-sd/fp32").to_str().unwrap()]);
    assert!(!stdout.contains("cut in memory"), "{stdout}");
}
