//! `coda-pipe sample`: one image, the way it came about, and many.

use crate::harness::{Bench, checkout};
use coda_pipe::internals::arrays;

fn demo() -> String {
    checkout().join("models/demo").to_string_lossy().into_owned()
}

#[test]
fn an_image_its_anchor_and_its_trace() {
    let bench = Bench::new();
    let samples = crate::harness::digits(1);
    std::fs::write(bench.path("anchor.png"), samples[0].get("png").unwrap()).unwrap();
    let model = demo();
    let common = ["sample", &model, "--prompt", "zero", "--device", "cpu", "--steps", "6"];
    let pulled = ["--anchor", "anchor.png", "--gamma", "0.2", "--seed", "3"];
    let traced = ["--trace", "t.safetensors", "--out", "a.png"];
    bench.expect(0, &[&common[..], &pulled, &traced].concat());
    let image = image::open(bench.path("a.png")).unwrap().to_rgb8();
    let trace = |name: &str| arrays::read(&bench.path("t.safetensors"), Some(name)).unwrap();
    let pixels: Vec<f32> = image.as_raw().iter().map(|&level| f32::from(level)).collect();
    assert_eq!(trace("image_u8").values, pixels);
    let latent = trace("initial_latents").shape;
    assert_eq!(trace("sample").shape, [&[6][..], &latent].concat());
    assert_eq!(trace("noise_pred").shape, trace("sample").shape);
    assert_eq!(trace("sample").values[..latent.iter().product()], trace("initial_latents").values);

    // The recorded noise and anchor give the same image again.
    let again = [
        "--latents",
        "t.safetensors#initial_latents",
        "--anchor",
        "t.safetensors#represent_latent",
        "--gamma",
        "0.2",
        "--out",
        "b.png",
    ];
    bench.expect(0, &[&common[..], &again].concat());
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(bytes("a.png"), bytes("b.png"));
    // Without an anchor there is nothing to pull to.
    bench.expect(0, &[&common[..], &["--seed", "3", "--out", "c.png"]].concat());
    assert_ne!(bytes("a.png"), bytes("c.png"));
}

#[test]
fn terms_of_guidance_by_set_sweep_and_trace() {
    let bench = Bench::new();
    let samples = crate::harness::digits(1);
    std::fs::write(bench.path("anchor.png"), samples[0].get("png").unwrap()).unwrap();
    let model = demo();
    let common = ["sample", &model, "--prompt", "zero", "--device", "cpu", "--steps", "6"];
    let anchored = [&common[..], &["--anchor", "anchor.png", "--set", "guidance=stop"]].concat();
    let traced = ["--set", "guidance.anchor.stop=1", "--trace", "t.safetensors"];
    bench.expect(0, &[&anchored[..], &traced].concat());
    let trace = |name: &str| arrays::read(&bench.path("t.safetensors"), Some(name)).unwrap();
    let (clean, anchor) = (trace("clean"), trace("represent_latent").values);
    assert_eq!(clean.shape, [&[6][..], &trace("sample").shape[2..]].concat());
    let share = trace("share.anchor").values;
    assert_eq!(share.len(), 6);
    for (clean, share) in clean.values.chunks(anchor.len()).zip(share) {
        let pairs = clean.iter().zip(&anchor);
        let farthest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(farthest < 1e-3, share > 0.0, "{farthest} at a share of {share}");
    }
    let sweep = ["--sweep", "guidance.anchor.strength=0,0.5,1", "--out", "s.png"];
    bench.expect(0, &[&anchored[..], &sweep].concat());
    let sheet = image::open(bench.path("s.png")).unwrap();
    assert_eq!(sheet.width(), 3 * 32 + 4 * 2);
    let (_, stderr) = bench.expect(2, &[&anchored[..], &["--gamma", "0.2"]].concat());
    assert!(stderr.contains("belongs to the published pull"), "{stderr}");
    let start = ["--set", "guidance.start.sigma=1"];
    let (_, stderr) = bench.expect(1, &[&common[..], &start].concat());
    assert!(stderr.contains("start of guidance needs an anchor"), "{stderr}");
}

#[test]
fn sweeps_and_batches_make_sheets() {
    let bench = Bench::new();
    let model = demo();
    let common = ["sample", &model, "--prompt", "seven", "--device", "cpu", "--steps", "4"];
    bench.expect(0, &[&common[..], &["--sweep", "cfg=1,3,5", "--out", "s.png"]].concat());
    let sheet = image::open(bench.path("s.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (3 * 32 + 4 * 2, 32 + 2 * 2));
    let (_, stderr) = bench.expect(0, &[&common[..], &["--count", "5", "--batch", "2"]].concat());
    assert!(stderr.contains("5 images in") && stderr.contains("ms an image"), "{stderr}");
    assert!(bench.path("sample.png").exists());
    let (_, stderr) = bench.expect(2, &[&common[..], &["--sweep", "magic=1"]].concat());
    assert!(stderr.contains("`magic` can't be swept"), "{stderr}");
    bench.expect(2, &[&common[..], &["--scheduler", "magic"]].concat());
    let (_, stderr) = bench.expect(1, &[&common[..], &["--anchor", "p.toml"]].concat());
    assert!(stderr.contains("p.toml"), "{stderr}");
}
