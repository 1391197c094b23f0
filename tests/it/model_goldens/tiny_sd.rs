//! Stable Diffusion 1 and 2: one text encoder, no added conditions, ε- and v-prediction; and half precision.

use coda_pipe::models::noise_schedule::PredictionType;
use coda_pipe::models::{Generator, Job, ModelFolder, Overrides, Sampling, Tokenizer};
use safetensors::SafeTensors;

use super::support::{generator, greatest_difference, grey_levels, spread, values};

const PROMPT: &str = "a golden retriever, 2 dogs";

fn folder(dtype: &str) -> ModelFolder {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    ModelFolder::open(&checkout.join("tests/golden/tiny-sd").join(dtype)).unwrap()
}

fn recorded() -> Vec<u8> {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(checkout.join("tests/golden/tiny-sd/recorded.safetensors")).unwrap()
}

fn sampling(prediction: PredictionType) -> Sampling {
    let overrides = Overrides { prediction_type: Some(prediction), ..Overrides::default() };
    Sampling { steps: 8, gamma: 0.0, size: 32, overrides, ..Sampling::default() }
}

fn run(
    generator: &mut Generator,
    noise: &[f32],
    prediction: PredictionType,
) -> (Vec<f32>, Vec<u8>) {
    let prompt = generator.encode_prompt(PROMPT).unwrap();
    let negative = generator.encode_negative("").unwrap();
    let job = Job::new(&prompt, &negative, noise);
    let made = generator.generate(&[job], &sampling(prediction), 1).unwrap().remove(0);
    (made.latent, made.rgb)
}

#[test]
fn a_model_with_one_text_encoder_agrees_with_diffusers() {
    let bytes = recorded();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let folder = folder("fp32");
    assert!(folder.text.len() == 1 && !folder.force_zeros_for_empty_prompt);
    let part = folder.text[0].clone();
    let ids = Tokenizer::open(&part.tokenizer, part.max_positions).unwrap().encode(PROMPT).unwrap();
    let raw = tensors.tensor("ids").unwrap();
    let expected: Vec<i64> = raw
        .data()
        .chunks_exact(8)
        .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(ids, expected);

    let mut generator = generator(&folder);
    let prompt = generator.encode_prompt(PROMPT).unwrap();
    assert!(prompt.pooled.is_empty());
    let error = greatest_difference(&prompt.hidden, &values(&tensors, "prompt_embeds"));
    assert!(error <= 1e-4, "{error}");
    let noise = values(&tensors, "initial_latents");
    for (prediction, name) in
        [(PredictionType::Epsilon, "epsilon"), (PredictionType::VPrediction, "v_prediction")]
    {
        let (latent, rgb) = run(&mut generator, &noise, prediction);
        let expected = values(&tensors, &format!("{name}.final_latents"));
        let error = greatest_difference(&latent, &expected) / spread(&expected);
        let levels = grey_levels(&rgb, &values(&tensors, &format!("{name}.image_u8")));
        eprintln!("{name}: {error:.1e} deviations, {levels} grey levels");
        assert!(error <= 5e-4 && levels <= 1.0, "{name}: {error}, {levels}");
    }
}

/// Every float of such an export is f16, the timestep too.
#[test]
fn a_half_precision_export_runs_on_the_cpu_and_stays_close() {
    let bytes = recorded();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let noise = values(&tensors, "initial_latents");
    let (half, _) = run(&mut generator(&folder("fp16")), &noise, PredictionType::Epsilon);
    let expected = values(&tensors, "epsilon.final_latents");
    let difference: f32 = half.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum();
    let error = (difference / half.len() as f32).sqrt() / spread(&expected);
    let worst = greatest_difference(&half, &expected) / spread(&expected);
    eprintln!("float16: {error:.1e} deviations in the mean, {worst:.1e} at worst");
    assert!(error <= 0.02, "{error}");
}

/// Folders hold `vocab.json` and `merges.txt`, or `tokenizer.json` alone.
#[test]
fn both_kinds_of_tokenizer_folders_give_the_same_ids() {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny-sd");
    let old = checkout.join("fp32/tokenizer");
    let new = tempfile::tempdir().unwrap();
    for file in ["tokenizer_config.json", "special_tokens_map.json"] {
        std::fs::copy(old.join(file), new.path().join(file)).unwrap();
    }
    std::fs::copy(checkout.join("tokenizer.json"), new.path().join("tokenizer.json")).unwrap();
    let (old, new) = (Tokenizer::open(&old, 77).unwrap(), Tokenizer::open(new.path(), 77).unwrap());
    // The first ids are those that transformers gives.
    let expected = [195, 166, 196, 196, 82, 83, 64, 77, 65, 84, 169, 66];
    let text = "  İstanbul café—naïve's it'll 123 ";
    assert_eq!(old.encode(text).unwrap()[..12], expected);
    for text in [text, PROMPT, "", "x<|endoftext|>y", &"long ".repeat(60)] {
        assert_eq!(old.encode(text).unwrap(), new.encode(text).unwrap(), "{text}");
    }
}
