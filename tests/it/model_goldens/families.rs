//! Families of models and their schedulers against guided loops in diffusers: `tests/golden/families/`.

use std::path::{Path, PathBuf};

use coda_pipe::models::guidance::{TermSettings, TermValue, terms};
use coda_pipe::models::noise::Noise;
use coda_pipe::models::noise_schedule::{Method, Sigmas, SolverKind};
use coda_pipe::models::{Generator, Job, ModelFolder, PromptEmbedding, Sampling, TraceStep};
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::Value;

use crate::model_folder::{copy, set_keys};

use super::support::{generator, greatest_difference, grey_levels, spread, values};

/// How far latents may be off, in their own deviations.
const LATENTS: f32 = 5e-4;
/// How far pixels may be off.
const GREY_LEVELS: f32 = 2.0;

/// What `loops.json` says of a folder.
#[derive(Deserialize)]
struct Recorded {
    prompt: String,
    negative: String,
    loops: Vec<Loop>,
}

/// A recorded loop.
#[derive(Clone, Deserialize)]
struct Loop {
    file: String,
    side: usize,
    steps: usize,
    scale: f32,
    pull: f64,
    stop: f64,
    seeds: Vec<String>,
    scheduler: Option<String>,
    prompts: Option<String>,
    sampled: Option<String>,
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A model folder of these folders' files, later ones over earlier ones.
fn model(parts: &[PathBuf]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    parts.iter().for_each(|part| copy(part, dir.path()));
    dir
}

/// How what diffusers sampled a loop with is called here.
fn method(folder: &ModelFolder, case: &Loop) -> Method {
    let own = folder.scheduler.others.class_name.clone().unwrap_or_default();
    let plain = |solver| Method { solver, sigmas: Sigmas::Plain };
    match case.sampled.as_ref().unwrap_or(&own).as_str() {
        "EDMDPMSolverMultistepScheduler" => Method::default(),
        "EDMEulerScheduler" => match case.scheduler.as_deref() {
            Some("edm-exponential") => {
                Method { solver: SolverKind::Euler, sigmas: Sigmas::Exponential }
            }
            _ => Method { solver: SolverKind::Euler, sigmas: Sigmas::Karras },
        },
        "LCMScheduler" => plain(SolverKind::Lcm),
        "EulerAncestralDiscreteScheduler" => plain(SolverKind::EulerAncestral),
        "DDIMScheduler" => plain(SolverKind::Ddim),
        "DPMSolverMultistepScheduler" if folder.scheduler.is_flow() => plain(SolverKind::DpmSolver),
        "DPMSolverMultistepScheduler" => Method::default(),
        "FlowMatchEulerDiscreteScheduler" | "EulerDiscreteScheduler" => plain(SolverKind::Euler),
        other => panic!("{other}"),
    }
}

/// The term anchor of a loop.
fn pull(case: &Loop) -> TermSettings {
    let anchor = terms().find(|term| term.name == "anchor").unwrap();
    let mut settings = TermSettings::default();
    for (key, value) in [("strength", case.pull), ("stop", case.stop)] {
        let key = anchor.keys.iter().find(|one| one.name == key).unwrap();
        settings.set("anchor", key, TermValue::Number(value));
    }
    settings
}

fn sampling(folder: &ModelFolder, case: &Loop, embedded: bool) -> Sampling {
    let method = method(folder, case);
    Sampling {
        steps: case.steps,
        cfg: if embedded { 1.0 } else { case.scale },
        embedded_scale: embedded.then_some(case.scale),
        gamma: 0.0,
        terms: pull(case),
        size: case.side * folder.vae.scale(),
        method,
        noise: Noise::TorchCpu,
        ..Sampling::default()
    }
}

/// Compares prompt embeddings with what diffusers hands its denoiser.
fn check_prompts(found: [&PromptEmbedding; 2], tensors: &SafeTensors, what: &str) {
    for (found, name) in found.into_iter().zip(["prompt", "negative"]) {
        let has = |part: &str| tensors.names().contains(&&*format!("{name}.{part}"));
        for (part, own) in [("hidden", &found.hidden), ("pooled", &found.pooled)] {
            if !has(part) || own.is_empty() {
                continue;
            }
            let error = greatest_difference(own, &values(tensors, &format!("{name}.{part}")));
            assert!(error <= 1e-4, "{what}: {name}.{part} is off by {error}");
        }
    }
    assert_eq!(tensors.names().contains(&"prompt.pooled"), !found[0].pooled.is_empty(), "{what}");
}

/// Compares a loop with its recording, step by step; gives the worst error in deviations, and in grey levels.
fn replay(generator: &mut Generator, recorded: &Recorded, case: &Loop, at: &Path) -> (f32, f32) {
    let bytes = std::fs::read(at.join(&case.file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let embedded = generator.folder().scale_input == coda_pipe::models::ScaleInput::Embedded;
    let sampling = sampling(generator.folder(), case, embedded);
    let mut prompt = generator.encode_prompt(&recorded.prompt).unwrap();
    let negative = generator.encode_negative(&recorded.negative).unwrap();
    let bytes = std::fs::read(at.join(case.prompts.as_deref().unwrap_or("prompts.safetensors")));
    let bytes = bytes.unwrap();
    let embeddings = SafeTensors::deserialize(&bytes).unwrap();
    if embeddings.tensor("prompt.hidden").unwrap().shape()[1] == prompt.tokens {
        check_prompts([&prompt, &negative], &embeddings, &case.file);
    } else {
        // FLUX.1 schnell was trained with 256 tokens, and diffusers' default is 512.
        let hidden = values(&embeddings, "prompt.hidden");
        assert_eq!((prompt.tokens, hidden.len()), (256, 2 * prompt.hidden.len()));
        prompt = PromptEmbedding { tokens: 512, hidden, ..prompt };
    }
    let negative = if negative.tokens == prompt.tokens { negative } else { prompt.clone() };
    let [channels, height, width] = generator.folder().latent_shape(sampling.size).unwrap();
    let size = channels * height * width;
    let (noise, anchors) = (values(&tensors, "noise"), values(&tensors, "anchors"));
    let (latents, clean) = (values(&tensors, "latents"), values(&tensors, "clean"));
    let images = case.seeds.len();
    assert_eq!((noise.len(), latents.len()), (images * size, (case.steps + 1) * images * size));
    let (mut worst, mut grey) = (0f32, 0f32);
    for (image, seed) in case.seeds.iter().enumerate() {
        let of =
            |values: &[f32], row: usize| values[(row * images + image) * size..][..size].to_vec();
        let (noise, anchor) = (of(&noise, 0), of(&anchors, 0));
        let seed = seed.parse().unwrap();
        let job = Job { anchor: Some(&anchor), seed, ..Job::new(&prompt, &negative, &noise) };
        let (made, trace) = generator.trace(&job, &sampling).unwrap();
        let off = |found: &[f32], expected: &[f32]| {
            greatest_difference(found, expected) / spread(expected)
        };
        assert_eq!(trace.len(), case.steps);
        for (step, TraceStep { sample, guidance, timestep, .. }) in trace.iter().enumerate() {
            let told = values(&tensors, "timesteps")[step];
            assert!((timestep - told).abs() <= 1e-3 * told.abs().max(0.1), "{timestep} {told}");
            worst = worst.max(off(sample, &of(&latents, step)));
            worst = worst.max(off(&guidance.clean, &of(&clean, step)));
            assert!(worst <= LATENTS, "{}: step {step}: {worst}", case.file);
        }
        worst = worst.max(off(&made.latent, &of(&latents, case.steps)));
        assert!(worst <= LATENTS, "{}: at the end: {worst}", case.file);
        let expected = values(&tensors, "images");
        let pixels = expected.len() / images;
        grey = grey.max(grey_levels(&made.rgb, &expected[image * pixels..][..pixels]));
    }
    worst = worst.max(together(generator, case, [&prompt, &negative], &tensors));
    assert!(worst <= LATENTS, "{}: in one batch: {worst}", case.file);
    assert!(grey <= GREY_LEVELS, "{}: {grey} grey levels", case.file);
    (worst, grey)
}

/// The worst error of the images of a loop that are denoised in one batch, each with the noise of its own seed.
fn together(
    generator: &mut Generator,
    case: &Loop,
    [prompt, negative]: [&PromptEmbedding; 2],
    tensors: &SafeTensors,
) -> f32 {
    let images = case.seeds.len();
    let embedded = generator.folder().scale_input == coda_pipe::models::ScaleInput::Embedded;
    let sampling = sampling(generator.folder(), case, embedded);
    let (noise, anchors) = (values(tensors, "noise"), values(tensors, "anchors"));
    let size = noise.len() / images;
    let job = |((seed, noise), anchor): ((&String, _), _)| Job {
        anchor: Some(anchor),
        seed: seed.parse().unwrap(),
        ..Job::new(prompt, negative, noise)
    };
    let rows = case.seeds.iter().zip(noise.chunks(size)).zip(anchors.chunks(size));
    let jobs: Vec<Job<'_>> = rows.map(job).collect();
    let found = generator.latents(&jobs, &sampling, images).unwrap();
    let expected = values(tensors, "latents");
    let ends = expected[case.steps * images * size..].chunks(size);
    let off = |(found, end): (&Vec<f32>, &[f32])| greatest_difference(found, end) / spread(end);
    found.iter().zip(ends).map(off).fold(0.0, f32::max)
}

/// A loop's model, open.
struct Opened {
    scheduler: Option<String>,
    prompts: Option<String>,
    generator: Generator,
    _folder: tempfile::TempDir,
}

impl Opened {
    fn of(parts: &[PathBuf], at: &Path, case: &Loop) -> Self {
        let dir = model(parts);
        if let Some(scheduler) = &case.scheduler {
            copy(&at.join(scheduler), &dir.path().join("scheduler"));
            if let Ok(vae) = std::fs::read(at.join(scheduler).join("vae.json")) {
                let keys = serde_json::from_slice(&vae).unwrap();
                set_keys(&dir.path().join("vae_encoder/config.json"), &keys);
                set_keys(&dir.path().join("vae_decoder/config.json"), &keys);
            }
        }
        if case.prompts.as_deref().is_some_and(|prompts| prompts.contains("without-t5")) {
            leave_out_t5(dir.path());
        }
        let generator = generator(&ModelFolder::open(dir.path()).unwrap());
        let (scheduler, prompts) = (case.scheduler.clone(), case.prompts.clone());
        Self { scheduler, prompts, generator, _folder: dir }
    }
}

/// All loops of a folder, on a model of these parts.
fn check(name: &str, parts: &[PathBuf]) -> usize {
    let at = goldens().join("families").join(name);
    let recorded: Recorded =
        serde_json::from_slice(&std::fs::read(at.join("loops.json")).unwrap()).unwrap();
    let mut opened: Option<Opened> = None;
    let cases = recorded.loops.iter().filter(|case| case.scheduler.as_deref() != Some(CONTINUOUS));
    for case in cases {
        let known = opened
            .take()
            .filter(|one| one.scheduler == case.scheduler && one.prompts == case.prompts);
        let mut model = known.unwrap_or_else(|| Opened::of(parts, &at, case));
        let (error, grey) = replay(&mut model.generator, &recorded, case, &at);
        eprintln!("{name}/{}: {error:.1e} deviations, {grey} grey levels", case.file);
        opened = Some(model);
    }
    recorded.loops.len()
}

/// Timesteps that are levels: refused by name.
const CONTINUOUS: &str = "continuous";

/// Takes SD 3's third text encoder out of a folder.
fn leave_out_t5(folder: &Path) {
    let index = folder.join("model_index.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    json["text_encoder_3"] = serde_json::json!([null, null]);
    json["tokenizer_3"] = serde_json::json!([null, null]);
    std::fs::write(&index, json.to_string()).unwrap();
    std::fs::remove_dir_all(folder.join("text_encoder_3")).unwrap();
    std::fs::remove_dir_all(folder.join("tokenizer_3")).unwrap();
}

#[test]
fn stable_diffusion_3_agrees_with_diffusers_with_t5_and_without() {
    assert!(check("sd3", &[goldens().join("families/sd3")]) >= 6);
}

#[test]
fn flux_agrees_with_diffusers() {
    let dev = goldens().join("families/flux-dev");
    assert!(check("flux-dev", std::slice::from_ref(&dev)) >= 4);
    assert!(check("flux-schnell", &[dev, goldens().join("families/flux-schnell")]) >= 3);
}

#[test]
fn sana_agrees_with_diffusers_by_either_solver() {
    assert!(check("sana", &[goldens().join("families/sana")]) >= 5);
}

#[test]
fn a_latent_consistency_model_agrees_with_diffusers() {
    let parts = [goldens().join("tiny-sd/fp32"), goldens().join("families/lcm")];
    assert!(check("lcm", &parts) >= 3);
}

#[test]
fn every_scheduler_of_stable_diffusion_agrees_with_diffusers() {
    let base = goldens().join("tiny-sd/fp32");
    assert!(check("sd-schedulers", std::slice::from_ref(&base)) >= 20);
    let folder = model(&[base]);
    let continuous = goldens().join("families/sd-schedulers").join(CONTINUOUS);
    copy(&continuous, &folder.path().join("scheduler"));
    let error = ModelFolder::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("timestep_type continuous is not supported"), "{error}");
}
