//! Measures the text-to-image model: prompts, steps of a few groups, images.

use super::timing::{SLOW, memory_of, repeated, timed};
use crate::estimate::Rates;
use crate::models::guidance::ClassAnchors;
use crate::models::noise::Noise;
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::generate::device::{ImageOutcome, Request, Worker, sampling};
use crate::pipeline::generate::finish;
use std::sync::Arc;

/// Seconds that steps are measured for, at least two steps of a group.
const STEPPING: f64 = 4.0;
/// Images decoded and compressed to measure their file sizes.
const IMAGES: usize = 20;

/// The input of an image, as `generate` has it.
pub(crate) struct ProbeImage<'a> {
    pub(crate) anchor: &'a [f32],
    pub(crate) prompt: String,
}

/// The images that the measurement generated.
pub(crate) struct SampledImages {
    /// Images, compressed.
    pub(crate) pngs: Vec<Vec<u8>>,
    /// The most memory that the model held.
    pub(crate) peak: Option<u64>,
}

/// Loads the model, and measures its prompts, steps and images.
pub(crate) fn sample_images(
    context: &Context,
    device: Device,
    wanted: &[ProbeImage<'_>],
    rates: &mut Rates,
) -> Result<SampledImages, StageError> {
    let (pngs, peak) = memory_of(|| {
        let (seconds, mut worker) = timed(|| Worker::load(context, device))?;
        rates.load_generator = seconds;
        // The extra time of a graph's first run is part of loading the graph.
        rates.load_generator +=
            timed(|| worker.embed("a first prompt").map_err(StageError::from))?.0;
        rates.prompt = timed(|| worker.embed("a second one").map_err(StageError::from))?.0;
        let mut latents = steps(context, &mut worker, wanted, rates)?;
        if latents.is_empty() {
            // Without a finished image, decoded anchors come close to images guided towards them.
            latents = wanted.iter().map(|wanted| wanted.anchor.to_vec()).collect();
        }
        images(context, &mut worker, &latents, rates)
    })?;
    Ok(SampledImages { pngs, peak })
}

/// Times steps; returns the latents of finished images, if the time allowed any.
fn steps(
    context: &Context,
    worker: &mut Worker,
    wanted: &[ProbeImage<'_>],
    rates: &mut Rates,
) -> Result<Vec<Vec<f32>>, StageError> {
    let settings = &context.pipeline.generate;
    let all_steps = sampling(context).steps;
    let coupled = context.pipeline.guidance.terms.couples();
    let requests = |number: usize| -> Vec<Request> {
        let from = number * settings.batch % wanted.len().max(1);
        let group = wanted.iter().cycle().skip(from).take(settings.batch).enumerate();
        group
            .map(|(i, ProbeImage { anchor, prompt })| Request {
                prompt: prompt.clone(),
                seed: 0,
                noise: Noise::Native.values((from + i) as u64, anchor.len()),
                anchor: anchor.to_vec(),
                class: coupled.then(|| Arc::new(ClassAnchors::of_one(anchor.to_vec()))),
            })
            .collect()
    };
    let mut group = |number: usize, steps: usize| {
        let requests = requests(number);
        let requests: Vec<&Request> = requests.iter().collect();
        worker.set_steps(steps);
        timed(|| worker.latents(&requests).map_err(StageError::from))
    };
    let few = all_steps.min(2);
    // The first run of a graph prepares the others; a slow one has to do.
    let (first, _) = group(0, few)?;
    let taken = if first < SLOW { group(0, few)?.0 } else { first };
    rates.load_generator += (first - taken).max(0.0);
    rates.step = taken / few as f64;
    // As many steps as there is time for: what a group costs beside them counts too.
    let affordable = (STEPPING / rates.step.max(1e-6)) as usize;
    if affordable <= few {
        return Ok(Vec::new());
    }
    let steps = affordable.min(all_steps);
    let groups = (affordable / steps).clamp(1, 5);
    let (mut seconds, mut latents) = (0.0, Vec::new());
    for number in 0..groups {
        let (taken, made) = group(number, steps)?;
        seconds += taken;
        latents.extend(made);
    }
    rates.step = seconds / (groups * steps) as f64;
    Ok(if steps == all_steps { latents } else { Vec::new() })
}

fn images(
    context: &Context,
    worker: &mut Worker,
    latents: &[Vec<f32>],
    rates: &mut Rates,
) -> Result<Vec<Vec<u8>>, StageError> {
    let size = context.pipeline.output.size;
    let first = || latents.first().cloned().unwrap_or_default();
    let (slow, _) = timed(|| worker.decode(first(), 0))?;
    rates.decode_latent = slow;
    if slow < SLOW {
        rates.decode_latent = repeated(0.3, || worker.decode(first(), 0).map(drop))?;
    }
    let (mut pngs, mut finishing, mut decoding) = (Vec::new(), 0.0, 0.0);
    for latent in latents.iter().take(IMAGES) {
        let (seconds, made) = timed(|| worker.decode(latent.clone(), 0))?;
        decoding += seconds;
        if let ImageOutcome::Image(image, _) = made {
            let (seconds, png) = timed(|| finish(image, size))?;
            finishing += seconds;
            pngs.push(png);
        }
        if decoding > SLOW {
            break;
        }
    }
    rates.finish_image = finishing / pngs.len().max(1) as f64;
    Ok(pngs)
}
