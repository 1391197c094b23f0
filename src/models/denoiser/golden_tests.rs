//! One step of each family's denoiser against diffusers' recorded loops (tests/golden/families).

use safetensors::SafeTensors;

use super::{Conditions, Denoiser, Network};
use crate::models::folder::ModelFolder;
use crate::models::golden::{family_file, miniature, runtime, values};
use crate::models::text::PromptEmbedding;
use crate::onnx::GraphOptions;

/// Steps that are compared: the first ones, whose prediction counts most.
const STEPS: usize = 3;
const TOLERANCE: f32 = 1e-4;

/// A recorded prompt of `kind`, where there is one.
fn prompt(tensors: &SafeTensors, kind: &str) -> Option<PromptEmbedding> {
    let shape = tensors.tensor(&format!("{kind}.hidden")).ok()?.shape().to_vec();
    let part = |name: &str| {
        let name = format!("{kind}.{name}");
        tensors.tensor(&name).map_or(Vec::new(), |_| values(tensors, &name))
    };
    let [_, tokens, _] = shape[..] else { panic!("{shape:?}") };
    Some(PromptEmbedding {
        tokens,
        hidden: part("hidden"),
        pooled: part("pooled"),
        mask: part("mask"),
    })
}

/// The greatest difference of clean-latent estimates of a recorded loop, all of one image, guided by `scale`.
fn greatest_difference(folder: &ModelFolder, network: &mut Network, scale: f32) -> f32 {
    let name = folder.root.file_name().unwrap().to_str().unwrap();
    let (prompts, recorded) =
        (family_file(name, "prompts.safetensors"), family_file(name, "loop-plain.safetensors"));
    let prompts = SafeTensors::deserialize(&prompts).unwrap();
    let recorded = SafeTensors::deserialize(&recorded).unwrap();
    let (positive, negative) = (prompt(&prompts, "prompt").unwrap(), prompt(&prompts, "negative"));
    let shape = recorded.tensor("noise").unwrap().shape().to_vec();
    let [1, channels, height, width] = shape[..] else { panic!("{shape:?}") };
    let read = |name: &str| values(&recorded, name);
    let (latents, clean, sigmas) = (read("latents"), read("clean"), read("sigmas"));
    let size = channels * height * width;
    let negatives: Vec<&PromptEmbedding> = negative.iter().collect();
    let conditions = Conditions {
        prompts: &[&positive],
        negatives: &negatives,
        latent_shape: [channels, height, width],
        size: height * folder.vae.scale(),
        scale: Some(scale),
    };
    let mut bound = network.bind(&conditions).unwrap();
    let mut off = 0.0f32;
    for (step, timestep) in read("timesteps").into_iter().enumerate().take(STEPS) {
        let latent = &latents[step * size..][..size];
        let found = bound.predict(step, timestep, latent).unwrap();
        let unconditional = found.unconditional.unwrap_or_else(|| found.conditional.clone());
        for (at, expected) in clean[step * size..][..size].iter().enumerate() {
            let (with, without) = (found.conditional[at], unconditional[at]);
            let velocity = without + scale * (with - without);
            let estimate = latent[at] - sigmas[step] * velocity;
            off = off.max((estimate - expected).abs());
        }
    }
    off
}

#[test]
fn a_step_of_each_transformer_is_diffusers() {
    let Some(runtime) = runtime() else { return };
    for (name, scale) in [("sd3", 2.0), ("flux-dev", 3.5), ("flux-schnell", 1.0), ("sana", 2.0)] {
        let folder = miniature(name);
        let mut network = Network::load(&folder, &runtime, &GraphOptions::default()).unwrap();
        let off = greatest_difference(&folder, &mut network, scale);
        assert!(off < TOLERANCE, "{name}: {off}");
    }
}

#[test]
fn the_scale_that_a_model_takes_changes_what_it_predicts() {
    let Some(runtime) = runtime() else { return };
    let folder = miniature("flux-dev");
    let mut network = Network::load(&folder, &runtime, &GraphOptions::default()).unwrap();
    assert!(greatest_difference(&folder, &mut network, 3.5) < TOLERANCE);
    assert!(greatest_difference(&folder, &mut network, 7.0) > TOLERANCE);
}
