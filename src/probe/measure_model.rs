//! The text-to-image model, tried: prompts, steps of a few groups, images.

use super::measure::SLOW;
use super::timing::{memory_of, repeated, timed};
use crate::estimate::Rates;
use crate::models::noise::Noise;
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::generate::device::{Made, Request, Worker};
use crate::pipeline::generate::finish;

/// Seconds that steps are tried for, if two steps of a group take no longer.
const STEPPING: f64 = 4.0;
/// Images decoded and compressed, to see how long their files are.
const IMAGES: usize = 20;

/// An image as `generate` would be asked for it.
pub(crate) struct Wanted<'a> {
    pub(crate) anchor: &'a [f32],
    pub(crate) prompt: String,
}

/// What came of it.
pub(crate) struct Drawn {
    /// Images, compressed.
    pub(crate) pngs: Vec<Vec<u8>>,
    /// The most memory that the model held.
    pub(crate) peak: Option<u64>,
}

/// Tries the model.
pub(crate) fn draw(
    context: &Context,
    device: Device,
    wanted: &[Wanted<'_>],
    rates: &mut Rates,
) -> Result<Drawn, StageError> {
    let (pngs, peak) = memory_of(|| {
        let (seconds, mut worker) = timed(|| Worker::load(context, device))?;
        rates.load_generator = seconds;
        // What the first run of a graph takes beyond the others is part of opening it.
        rates.load_generator +=
            timed(|| worker.embed("a first prompt").map_err(StageError::from))?.0;
        rates.prompt = timed(|| worker.embed("a second one").map_err(StageError::from))?.0;
        let mut latents = steps(context, &mut worker, wanted, rates)?;
        if latents.is_empty() {
            // No image is finished: what the decoder makes of anchors comes near to what is pulled towards them.
            latents = wanted.iter().map(|wanted| wanted.anchor.to_vec()).collect();
        }
        images(context, &mut worker, &latents, rates)
    })?;
    Ok(Drawn { pngs, peak })
}

/// Times steps; answers with the latents of images that were finished, if there was time for that.
fn steps(
    context: &Context,
    worker: &mut Worker,
    wanted: &[Wanted<'_>],
    rates: &mut Rates,
) -> Result<Vec<Vec<f32>>, StageError> {
    let settings = &context.pipeline.generate;
    let requests = |number: usize| -> Vec<Request> {
        let from = number * settings.batch % wanted.len().max(1);
        let group = wanted.iter().cycle().skip(from).take(settings.batch).enumerate();
        group
            .map(|(i, Wanted { anchor, prompt })| Request {
                prompt: prompt.clone(),
                seed: 0,
                noise: Noise::Native.values((from + i) as u64, anchor.len()),
                anchor: anchor.to_vec(),
            })
            .collect()
    };
    let mut group = |number: usize, steps: usize| {
        let requests = requests(number);
        let requests: Vec<&Request> = requests.iter().collect();
        worker.set_steps(steps);
        timed(|| worker.latents(&requests).map_err(StageError::from))
    };
    let few = settings.steps.min(2);
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
    let steps = affordable.min(settings.steps);
    let groups = (affordable / steps).clamp(1, 5);
    let (mut seconds, mut latents) = (0.0, Vec::new());
    for number in 0..groups {
        let (taken, made) = group(number, steps)?;
        seconds += taken;
        latents.extend(made);
    }
    rates.step = seconds / (groups * steps) as f64;
    Ok(if steps == settings.steps { latents } else { Vec::new() })
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
        if let Made::Image(image, _) = made {
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
