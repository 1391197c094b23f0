//! Makes one image with a model folder: the shortest way from a prompt to a PNG.
//!
//!     cargo run --example sample_image -- models/demo three out.png

use anyhow::Context;
use coda_pipe::models::noise::Noise;
use coda_pipe::models::{Generator, Job, ModelFolder, Sampling};
use coda_pipe::onnx::{GraphOptions, Runtime, Search};
use std::path::Path;

#[allow(dead_code, reason = "a test includes this file for `run`")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, prompt, out] = arguments.as_slice() else {
        anyhow::bail!("usage: sample_image MODEL PROMPT OUT.png");
    };
    Ok(std::fs::write(out, run(Path::new(model), prompt)?)?)
}

/// The PNG of an image of `prompt`, with seed 0 and 25 steps.
pub fn run(model: &Path, prompt: &str) -> anyhow::Result<Vec<u8>> {
    let folder = ModelFolder::open(model)?;
    let size = folder.default_size.context("the model doesn't tell which size it is for")?;
    let runtime = Runtime::load(&Search::default())?;
    let mut generator = Generator::load(&folder, &runtime, &GraphOptions::default())?;

    let noise = Noise::Native.values(0, folder.latent_shape(size)?.iter().product());
    let prompt = generator.encode_prompt(prompt)?;
    let negative = generator.encode_negative("")?;
    // With an anchor, a latent of the same shape, the image would be pulled towards it.
    let job = Job::new(&prompt, &negative, &noise);
    let sampling = Sampling { size, ..Sampling::default() };
    let images = generator.generate(&[job], &sampling, 1)?;
    Ok(images.first().context("no image was made")?.to_png()?)
}
