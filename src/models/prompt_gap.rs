//! Whether the model knows what it sees: how much a prompt lowers the error with which noise is predicted.
//!
//! An anchor is noised to a few levels and handed to the denoiser, with the prompt and without. Where the prompt does not
//! lower the error, the model does not see the prompt's class in the anchor (after diffusion classifiers, arXiv
//! 2303.16203). Nothing is sampled: it takes one run of the denoiser a level.

use super::denoiser::{Conditions, Denoiser};
use super::error::DiffusionError;
use super::generator::Generator;
use super::group::Group;
use super::job::Job;
use super::noise_schedule::{NoiseLevel, NoiseSchedule};
use super::sampling::Sampling;
use super::text::PromptEmbedding;

/// Noise levels σ of the test, for a latent of 8 cells a side; larger latents take as many times more noise.
const LEVELS: [f32; 3] = [0.5, 1.0, 2.0];
/// Cells a side that these are for.
const SIDE: f32 = 8.0;

impl Generator {
    /// For each job the share by which its prompt lowers the error, against the negative prompt: the mean over the levels of
    /// (e − e_prompt) / e, with e the mean squared error of the prediction. The job's `noise` is what its anchor is noised
    /// with at each level; `batch` jobs go at a time, the last group filled up.
    ///
    /// # Errors
    /// As [`Generator::generate`], and [`DiffusionError::Setting`] for a job without an anchor.
    pub fn prompt_gaps(
        &mut self,
        jobs: &[Job<'_>],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<Vec<f64>, DiffusionError> {
        self.check(jobs, sampling, batch)?;
        let mut gaps = Vec::with_capacity(jobs.len());
        for group in jobs.chunks(batch) {
            let filled = Group { rows: group.iter().collect(), batch };
            let padded: Vec<&Job<'_>> = filled.padded().map(|(job, _)| job).collect();
            let found = self.gaps_of_group(&padded, sampling);
            let found = found.map_err(|error| error.of_group(gaps.len(), group.len()))?;
            gaps.extend(found.into_iter().take(group.len()));
        }
        Ok(gaps)
    }

    fn gaps_of_group(
        &mut self,
        jobs: &[&Job<'_>],
        sampling: &Sampling,
    ) -> Result<Vec<f64>, DiffusionError> {
        let shape = self.folder.latent_shape(sampling.size)?;
        let scheduler = sampling.scheduler(&self.folder);
        let schedule = scheduler.schedule(sampling.method, sampling.steps);
        let missing = || DiffusionError::setting("anchor", "a job has none".to_owned());
        let anchors: Option<Vec<&[f32]>> = jobs.iter().map(|job| job.anchor).collect();
        let anchors = anchors.ok_or_else(missing)?;
        let prompts: Vec<&PromptEmbedding> = jobs.iter().map(|job| job.prompt).collect();
        let negatives: Vec<&PromptEmbedding> = jobs.iter().map(|job| job.negative).collect();
        let mut model = self.denoiser.bind(&Conditions {
            prompts: &prompts,
            negatives: &negatives,
            latent_shape: shape,
            size: sampling.size,
            scale: sampling.embedded_scale,
        })?;
        let steps = steps(&schedule, shape[1]);
        let mut gaps = vec![0.0; jobs.len()];
        for &step in &steps {
            let level = schedule.published_levels[step];
            let pairs = || anchors.iter().zip(jobs).map(|(anchor, job)| (*anchor, job.noise));
            let input: Vec<f32> =
                pairs().flat_map(|(anchor, noise)| noised(level, anchor, noise)).collect();
            let predicted = model.predict(step, schedule.timesteps[step], &input)?;
            let width = input.len() / jobs.len().max(1);
            let with = predicted.conditional.chunks_exact(width.max(1));
            let without = predicted.unconditional.unwrap_or_default();
            let both = with.zip(without.chunks_exact(width.max(1)));
            for ((gap, (anchor, noise)), (with, without)) in gaps.iter_mut().zip(pairs()).zip(both)
            {
                let (with, without) =
                    (error(level, with, anchor, noise), error(level, without, anchor, noise));
                *gap += share_lowered(with, without) / steps.len() as f64;
            }
        }
        Ok(gaps)
    }
}

/// The steps of `schedule` whose noise is nearest to the levels, each once, in order.
fn steps(schedule: &NoiseSchedule, side: usize) -> Vec<usize> {
    let nearest = |level: f32| {
        let wanted = (level * side as f32 / SIDE).ln();
        let off = |step: &usize| (schedule.published_levels[*step].ratio().ln() - wanted).abs();
        (0..schedule.len()).min_by(|a, b| off(a).total_cmp(&off(b)))
    };
    let mut steps: Vec<usize> = LEVELS.into_iter().filter_map(nearest).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// (without − with) / without; 0 where there is no error at all.
fn share_lowered(with: f64, without: f64) -> f64 {
    if without > 0.0 { (without - with) / without } else { 0.0 }
}

/// The denoiser's input of an anchor under noise.
fn noised(level: NoiseLevel, anchor: &[f32], noise: &[f32]) -> impl Iterator<Item = f32> {
    anchor.iter().zip(noise).map(move |(&z, &n)| level.noised(z, n))
}

/// Mean squared error of `predicted`, in f64: its distance to the output that implies the anchor itself.
fn error(level: NoiseLevel, predicted: &[f32], anchor: &[f32], noise: &[f32]) -> f64 {
    let values = predicted.iter().zip(anchor.iter().zip(noise));
    let off = |(p, (&z, &n)): (&f32, (&f32, &f32))| p - level.output(level.noised(z, n), z);
    let sum: f64 = values.map(|value| f64::from(off(value)).powi(2)).sum();
    sum / predicted.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::noise_schedule::{Diffusion, Method, PredictionType, SchedulerConfig};

    #[test]
    fn an_error_is_that_of_what_the_model_predicts() {
        // ᾱ = 0.64: shares 0.8 and 0.6.
        let (anchor, noise) = ([1.0, -2.0], [0.5, 0.25]);
        for (predicts, target) in [
            (PredictionType::Epsilon, [0.5, 0.25]),
            (PredictionType::VPrediction, [0.8 * 0.5 - 0.6, 0.8 * 0.25 + 1.2]),
            (PredictionType::Sample, [1.0, -2.0]),
        ] {
            let level = Diffusion(predicts).of_alpha_bar(0.64);
            assert!(error(level, &target, &anchor, &noise) < 1e-12);
            let off = [target[0] + 1.0, target[1] - 3.0];
            assert!((error(level, &off, &anchor, &noise) - 5.0).abs() < 1e-5);
            let noised: Vec<f32> = noised(level, &anchor, &noise).collect();
            assert!((noised[0] - 1.1).abs() < 1e-6 && (noised[1] + 1.45).abs() < 1e-6);
        }
        assert_eq!(share_lowered(1.0, 4.0), 0.75);
        assert_eq!(share_lowered(5.0, 4.0), -0.25);
        assert_eq!(share_lowered(0.0, 0.0), 0.0);
    }

    #[test]
    fn levels_grow_with_the_latent_and_are_distinct_steps() {
        let schedule = SchedulerConfig::default().schedule(Method::default(), 25);
        let sigma = |step: &usize| schedule.published_levels[*step].ratio();
        let small = steps(&schedule, 8);
        assert_eq!(small.len(), 3);
        for (step, wanted) in small.iter().zip([2.0f32, 1.0, 0.5]) {
            assert!((sigma(step) / wanted).ln().abs() < 0.25, "{step}: {}", sigma(step));
        }
        let large = steps(&schedule, 32);
        assert!(large.iter().zip(&small).all(|(large, small)| large < small));
        assert_eq!(steps(&SchedulerConfig::default().schedule(Method::default(), 1), 8).len(), 1);
    }
}
