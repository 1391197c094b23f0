//! How a pipeline has images sampled: its settings, and where it leaves them out the model's own.

use crate::config::{Pipeline, Preset};
use crate::models::guidance::PUBLISHED;
use crate::models::noise_schedule::Method;
use crate::models::validate::{Pairing, pairing};
use crate::models::{ModelFolder, ModelTraits, Overrides, OwnSampling, Sampling};

/// Solver and noise levels; what is left out before the model's own is known, is as for most models.
pub(crate) fn method(pipeline: &Pipeline) -> Method {
    let (g, usual) = (&pipeline.generate, Method::default());
    Method { solver: g.scheduler.unwrap_or(usual.solver), sigmas: g.sigmas.unwrap_or(usual.sigmas) }
}

/// Gives settings of sampling that are left out the model's own values.
pub(super) fn take_own_sampling(pipeline: &mut Pipeline, traits: &ModelTraits) {
    let published = pipeline.general.preset == Preset::Published;
    let pulled = published || pipeline.guidance.terms.is_used(PUBLISHED);
    let OwnSampling { steps, cfg, method, timestep_spacing } = traits.own_sampling(pulled);
    // A list of scales takes the place of one, for which the greatest stands.
    let greatest = pipeline.guidance.cfg_schedule.iter().copied().reduce(f64::max);
    let g = &mut pipeline.generate;
    g.steps.get_or_insert(steps);
    g.cfg.get_or_insert(greatest.unwrap_or(cfg));
    g.scheduler.get_or_insert(method.solver);
    g.sigmas.get_or_insert(method.sigmas);
    g.timestep_spacing = g.timestep_spacing.or(timestep_spacing);
}

/// How `pipeline`, which has taken what is the model's own, has images of `size` sampled.
pub(crate) fn sampling(pipeline: &Pipeline, traits: &ModelTraits, size: usize) -> Sampling {
    let (g, usual) = (&pipeline.generate, Sampling::default());
    let scale = g.cfg.map_or(usual.cfg, |cfg| cfg as f32);
    let embedded = traits.embeds_scale;
    Sampling {
        steps: g.steps.unwrap_or(usual.steps),
        cfg: if embedded { 1.0 } else { scale },
        cfg_schedule: pipeline.guidance.cfg_schedule.iter().map(|&cfg| cfg as f32).collect(),
        embedded_scale: embedded.then_some(scale),
        gamma: g.gamma as f32,
        guidance_fraction: g.guidance_fraction,
        terms: pipeline.guidance.terms.clone(),
        size,
        guidance_rescale: g.guidance_rescale as f32,
        method: method(pipeline),
        overrides: Overrides {
            solver_order: g.solver_order,
            timestep_spacing: g.timestep_spacing,
            prediction_type: g.prediction_type,
        },
        denoising_factor: g.denoising_factor,
        noise: g.noise,
    }
}

/// What of the sampling that `pipeline` asks for the model in `folder` can't follow.
pub(crate) fn pairing_of(pipeline: &Pipeline, folder: &ModelFolder) -> Pairing {
    let mut pipeline = pipeline.clone();
    let traits = ModelTraits::of(folder, pipeline.model.few_steps);
    take_own_sampling(&mut pipeline, &traits);
    // No pairing depends on the size.
    let sampling = sampling(&pipeline, &traits, folder.default_size.unwrap_or_default());
    pairing(folder, &traits, &sampling, &pipeline.generate.negative_prompt)
}
