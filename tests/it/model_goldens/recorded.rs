//! Tokens, embeddings and whole runs against the published program's.

use coda_pipe::models::{Generator, Job, Sampling, Tokenizer};
use safetensors::SafeTensors;
use serde::Deserialize;

use super::support::{generator, greatest_difference, grey_levels, spread, tiny, values};
use crate::skip::shared;

#[derive(Deserialize)]
struct RecordedPrompt {
    prompt: String,
    ids1: Vec<i64>,
    ids2: Vec<i64>,
}

#[test]
fn token_ids_and_prompt_embeddings_agree_with_the_recorded_ones() {
    let (Some(folder), Some(path)) = (tiny("base"), shared("golden/generate")) else {
        return;
    };
    let recorded: std::collections::BTreeMap<String, RecordedPrompt> =
        serde_json::from_slice(&std::fs::read(path.join("prompts.json")).unwrap()).unwrap();
    let bytes = std::fs::read(path.join("prompts.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let [first, second] = &folder.text[..] else { panic!("{:?}", folder.text) };
    let first = Tokenizer::open(&first.tokenizer, first.max_positions).unwrap();
    let second = Tokenizer::open(&second.tokenizer, second.max_positions).unwrap();
    let mut generator = generator(&folder);
    let negative = generator.encode_negative("").unwrap();
    assert_eq!(recorded.len(), 5);
    for (name, RecordedPrompt { prompt, ids1, ids2 }) in recorded {
        assert_eq!(first.encode(&prompt).unwrap(), ids1, "{name}");
        assert_eq!(second.encode(&prompt).unwrap(), ids2, "{name}");
        let found = generator.encode_prompt(&prompt).unwrap();
        let expected = |what: &str| values(&tensors, &format!("{name}.{what}"));
        let errors = [
            greatest_difference(&found.hidden, &expected("prompt_embeds")),
            greatest_difference(&found.pooled, &expected("pooled")),
            greatest_difference(&negative.hidden, &expected("negative_prompt_embeds")),
            greatest_difference(&negative.pooled, &expected("negative_pooled")),
        ];
        eprintln!("{name}: {errors:?}");
        assert!(errors.iter().all(|&error| error <= 1e-4), "{name}: {errors:?}");
    }
}

#[test]
fn token_ids_of_odd_texts_are_clips() {
    let Some(folder) = tiny("base") else { return };
    let part = &folder.text[1];
    let tokenizer = Tokenizer::open(&part.tokenizer, part.max_positions).unwrap();
    let ids = |text: &str| tokenizer.encode(text).unwrap();
    assert_eq!(ids("  Golden \n\t RETRIEVER "), ids("golden retriever"));
    // The padding token "!" is special in this tokenizer and keeps its own id inside a text.
    assert_eq!(ids("tench!")[..5], [49406, 1149, 634, 0, 49407]);
    assert_ne!(ids("it's"), ids("it s"));
    assert_eq!(ids("1234")[5], 49407, "one token per digit");
}

#[derive(Deserialize)]
struct RecordedLoop {
    name: String,
    prompt: String,
    steps: usize,
    guidance_fraction: f64,
    gamma: f32,
    cfg: f32,
    denoising_factor: f64,
    base_steps: usize,
}

impl RecordedLoop {
    fn all() -> Option<Vec<Self>> {
        let bytes = std::fs::read(shared("golden/generate/loops.json")?).unwrap();
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            steps: self.steps,
            cfg: self.cfg,
            // At w = 1 the published program computes the correction and drops it.
            gamma: if self.cfg == 1.0 { 0.0 } else { self.gamma },
            guidance_fraction: self.guidance_fraction,
            size: 128,
            denoising_factor: self.denoising_factor,
            ..Sampling::default()
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let path = shared(format!("golden/generate/loop_{}.safetensors", self.name)).unwrap();
        std::fs::read(path).unwrap()
    }
}

/// Compares the steps of a run with the recorded ones, in deviations of the final latents.
fn check_steps(
    run: &RecordedLoop,
    tensors: &SafeTensors,
    generator: &mut Generator,
) -> (Vec<u8>, Vec<f32>) {
    let prompt = generator.encode_prompt(&run.prompt).unwrap();
    let negative = generator.encode_negative("").unwrap();
    let (noise, anchor) = (values(tensors, "initial_latents"), values(tensors, "represent_latent"));
    let job = Job { anchor: Some(&anchor), ..Job::new(&prompt, &negative, &noise) };
    let (image, trace) = generator.trace(&job, &run.sampling()).unwrap();
    assert_eq!(trace.len(), run.base_steps, "{}", run.name);
    let samples = values(tensors, "sample");
    let predictions = values(tensors, "noise_pred");
    let mut worst = [0.0f32; 2];
    for (step, found) in trace.iter().enumerate() {
        let at = step * noise.len()..(step + 1) * noise.len();
        for (worst, (found, expected)) in worst
            .iter_mut()
            .zip([(&found.sample, &samples[at.clone()]), (&found.prediction, &predictions[at])])
        {
            *worst = worst.max(greatest_difference(found, expected) / spread(expected));
        }
    }
    eprintln!("{}: samples {:.1e}, predictions {:.1e} deviations", run.name, worst[0], worst[1]);
    assert!(worst.iter().all(|&error| error <= 5e-4), "{}: {worst:?}", run.name);
    (image.rgb, image.latent)
}

#[test]
fn whole_runs_agree_with_the_recorded_ones_at_every_step() {
    let (Some(folder), Some(runs)) = (tiny("base"), RecordedLoop::all()) else {
        return;
    };
    let mut generator = generator(&folder);
    let mut checked = 0;
    for run in runs.iter().filter(|run| run.denoising_factor == 1.0) {
        let bytes = run.bytes();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let (rgb, latent) = check_steps(run, &tensors, &mut generator);
        let expected = values(&tensors, "final_latents");
        let error = greatest_difference(&latent, &expected) / spread(&expected);
        let levels = grey_levels(&rgb, &values(&tensors, "image_u8"));
        eprintln!("{}: final {error:.1e} deviations, {levels} grey levels", run.name);
        assert!(error <= 5e-4 && levels <= 1.0, "{}: {error}, {levels}", run.name);
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn runs_with_a_refiner_agree_with_the_recorded_ones() {
    let (Some(base), Some(refiner)) = (tiny("base"), tiny("refiner")) else {
        return;
    };
    let Some(runs) = RecordedLoop::all() else {
        return;
    };
    let (mut base, mut refiner) = (generator(&base), generator(&refiner));
    let mut checked = 0;
    for run in runs.iter().filter(|run| run.denoising_factor < 1.0) {
        let bytes = run.bytes();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let (_, latent) = check_steps(run, &tensors, &mut base);
        let expected = values(&tensors, "base_final_latents");
        assert!(greatest_difference(&latent, &expected) <= 5e-4 * spread(&expected));
        let prompt = refiner.encode_prompt(&run.prompt).unwrap();
        let negative = refiner.encode_negative("").unwrap();
        let job = Job::new(&prompt, &negative, &latent);
        let refined = refiner.refine(&[job], &run.sampling(), 1).unwrap();
        let expected = values(&tensors, "final_latents");
        let error = greatest_difference(&refined[0].latent, &expected) / spread(&expected);
        let levels = grey_levels(&refined[0].rgb, &values(&tensors, "image_u8"));
        eprintln!("{}: refined {error:.1e} deviations, {levels} grey levels", run.name);
        assert!(error <= 2e-3 && levels <= 2.0, "{}: {error}, {levels}", run.name);
        checked += 1;
    }
    assert_eq!(checked, 2);
}
