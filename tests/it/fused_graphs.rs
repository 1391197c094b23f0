//! Graphs that ONNX Runtime's optimizer or Olive fused run where their operators have kernels, and are refused before work where
//! they have none.

use crate::harness::{Bench, checkout};
use image::RgbImage;
use std::path::{Path, PathBuf};

fn plain() -> PathBuf {
    checkout().join("tests/golden/tiny-sd/fp32")
}

fn fused(kind: &str) -> String {
    checkout().join("tests/golden/fused").join(kind).join("unet").display().to_string()
}

/// A bench whose pipeline takes the miniature Stable Diffusion with the UNet fused for a card.
fn for_a_card() -> Bench {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let old = format!("path = {:?}", checkout().join("models/demo"));
    assert!(text.contains(&old), "{text}");
    let new = format!("path = {:?}\nunet = {:?}", plain(), fused("card"));
    std::fs::write(bench.path("p.toml"), text.replace(&old, &new)).unwrap();
    bench
}

fn sampled(bench: &Bench, out: &str, more: &[&str]) -> RgbImage {
    let model = plain().display().to_string();
    let common =
        ["sample", &model, "--prompt", "a cat", "--steps", "3", "--device", "cpu", "--out", out];
    bench.expect(0, &[&common[..], more].concat());
    open(&bench.path(out))
}

fn open(path: &Path) -> RgbImage {
    image::open(path).unwrap().to_rgb8()
}

#[test]
fn operators_with_kernels_for_the_cpu_give_the_plain_export_s_image() {
    let bench = Bench::new();
    // Float16 inside; inputs of float32, int32 and float16, an output of float32.
    let unet = fused("cpu");
    let images = [sampled(&bench, "a.png", &[]), sampled(&bench, "b.png", &["--unet", &unet])];
    let pairs = images[0].as_raw().iter().zip(images[1].as_raw());
    let most = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(most <= 2, "{most} grey levels");
    let (least, greatest) = (images[0].iter().min(), images[0].iter().max());
    assert!(least.unwrap().abs_diff(*greatest.unwrap()) > 50, "a blank image shows nothing");
}

#[test]
fn what_needs_a_card_is_refused_before_anything_is_encoded() {
    let bench = for_a_card();
    let words = ["unet/model.onnx", "com.microsoft.NhwcConv", "devices = \"cuda\"", "plain export"];
    let (_, run) = bench.expect(2, &["run", "p.toml", "--set", "devices=cpu"]);
    assert!(!bench.path("run/encode").exists(), "it was begun: {run}");
    let (plan, _) = bench.expect(0, &["plan", "p.toml", "--set", "devices=cpu"]);
    let model = plain().display().to_string();
    let unet = fused("card");
    let args =
        ["sample", &model, "--unet", &unet, "--prompt", "a", "--device", "cpu", "--out", "c.png"];
    let (_, sample) = bench.expect(1, &args);
    for word in words {
        assert!(run.contains(word), "{word}: {run}");
        assert!(sample.contains(word), "{word}: {sample}");
        assert!(plan.contains(word), "{word}: {plan}");
    }
    // Encoding runs none of it.
    bench.expect(0, &["run", "p.toml", "--set", "devices=cpu", "--until", "encode"]);
}

#[test]
fn a_plan_for_cards_says_nothing_of_what_they_can_run() {
    let bench = for_a_card();
    let (plan, _) = bench.expect(0, &["plan", "p.toml", "--set", "devices=cuda"]);
    assert!(!plan.contains("NhwcConv"), "{plan}");
}
