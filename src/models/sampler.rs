//! The sampling loop: model, clean estimate, guidance, solver, step after step.
//!
//! The model is behind a trait, so the loop is plain arithmetic and can be tested with a formula
//! in the model's place.

use std::ops::Range;

use super::clean::CleanEstimates;
use super::denoiser::Denoiser;
use super::error::DiffusionError;
use super::guidance::{GuidancePlan, GuidanceStep, GuidedImage, StepRecord};
use super::noise_schedule::Solver;

/// One step of a recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceStep {
    /// The step's number in its schedule.
    pub step: usize,
    /// Its timestep.
    pub timestep: f32,
    /// The samples before the step, unscaled.
    pub sample: Vec<f32>,
    /// The prediction that the guided clean latent stands for.
    pub prediction: Vec<f32>,
    /// Rows that the denoiser ran for each sample: two with classifier-free guidance, else one.
    pub rows: usize,
    /// What guidance did.
    pub guidance: StepRecord,
}

/// A batch under way.
pub(super) struct Batch<'a> {
    /// What is known of each sample's image.
    pub images: &'a [GuidedImage<'a>],
    /// The guidance.
    pub plan: &'a GuidancePlan,
    /// The noise of a step for the whole batch, for solvers that add noise.
    pub noise: &'a dyn Fn(usize) -> Vec<f32>,
}

/// Runs the steps `range` of a solver's schedule on a batch of samples, in place.
///
/// `batch.images` has an entry per sample. `trace`, if given, receives every step.
///
/// # Errors
/// Those of the model.
pub(super) fn denoise(
    solver: &mut dyn Solver,
    range: Range<usize>,
    batch: &Batch<'_>,
    samples: &mut [f32],
    model: &mut dyn Denoiser,
    mut trace: Option<&mut Vec<TraceStep>>,
) -> Result<(), DiffusionError> {
    for step in range {
        let timestep = solver.schedule().timesteps[step];
        let scale = solver.input_scale(step);
        let input: Vec<f32> = samples.iter().map(|value| value * scale).collect();
        let prediction = model.predict(step, timestep, &input)?;
        let rows = 1 + usize::from(prediction.unconditional.is_some());
        let levels = solver.schedule();
        let at = GuidanceStep { index: step, levels, input: &input, images: batch.images };
        let mut recorded = trace.is_some().then(|| (prediction.clone(), StepRecord::default()));
        let estimates = CleanEstimates::of(prediction, &input, at.level());
        let record = recorded.as_mut().map(|(_, record)| record);
        let clean = batch.plan.apply(&at, estimates, record);
        if let Some((trace, (prediction, guidance))) = trace.as_deref_mut().zip(recorded) {
            let prediction = batch.plan.prediction(&at, prediction, &clean);
            let sample = samples.to_vec();
            trace.push(TraceStep { step, timestep, sample, prediction, rows, guidance });
        }
        let noise = if solver.takes_noise(step) { (batch.noise)(step) } else { Vec::new() };
        solver.step(step, &clean, &noise, samples);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::denoiser::Prediction;
    use crate::models::guidance::{GuidanceSchedule, GuidanceSettings};
    use crate::models::noise_schedule::{BetaSchedule, Method, SchedulerConfig};

    /// Mean and deviation of a Gaussian in place of the images.
    const MEAN: f32 = 1.0;
    const DEVIATION: f32 = 0.5;
    const START: f32 = 0.3;

    /// The exact model of that Gaussian.
    struct Gaussian {
        sigmas: Vec<f32>,
        guided: bool,
    }

    impl Denoiser for Gaussian {
        fn predict(
            &mut self,
            step: usize,
            _timestep: f32,
            input: &[f32],
        ) -> Result<Prediction, DiffusionError> {
            let sigma = self.sigmas[step];
            let grow = (sigma * sigma + 1.0).sqrt();
            let share = sigma / (DEVIATION * DEVIATION + sigma * sigma);
            let conditional: Vec<f32> = input.iter().map(|z| (z * grow - MEAN) * share).collect();
            let unconditional = self.guided.then(|| conditional.clone());
            Ok(Prediction { conditional, unconditional })
        }
    }

    /// Final samples, and where the exact flow takes an uncorrected one.
    fn run(gamma: f32, cfg: f32, fraction: f64, anchors: &[Option<&[f32]>]) -> (Vec<f32>, f32) {
        let config = SchedulerConfig {
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            ..SchedulerConfig::default()
        };
        let mut solver = config.solver(Method::default(), 25);
        let sigmas = solver.schedule().sigmas.clone();
        let first = sigmas[0];
        let start = START * (first * first + 1.0).sqrt() - MEAN;
        let exact = MEAN + start * DEVIATION / (DEVIATION.powi(2) + first * first).sqrt();
        let mut model = Gaussian { sigmas, guided: cfg != 1.0 };
        let terms = GuidanceSchedule::Sigma.into();
        let plan = GuidancePlan {
            settings: GuidanceSettings {
                cfg,
                cfg_by_step: Vec::new(),
                rescale: 0.0,
                gamma,
                fraction,
                terms,
            },
            side: 1,
            steps: 25,
        };
        let mut samples = vec![START; 2 * anchors.len()];
        let solver = solver.as_mut();
        let images: Vec<GuidedImage<'_>> = anchors
            .iter()
            .map(|&anchor| GuidedImage { anchor, ..GuidedImage::default() })
            .collect();
        let batch = Batch { images: &images, plan: &plan, noise: &|_| Vec::new() };
        denoise(solver, 0..25, &batch, &mut samples, &mut model, None).unwrap();
        (samples, exact)
    }

    #[test]
    fn without_correction_the_flow_is_followed() {
        let (samples, exact) = run(0.0, 5.0, 1.0, &[None, Some(&[9.0, 9.0])]);
        for value in samples {
            assert!((value - exact).abs() < 2e-3, "{value} for {exact}");
        }
    }

    #[test]
    fn the_correction_pulls_only_samples_with_an_anchor_and_grows_with_gamma() {
        for cfg in [1.0, 5.0] {
            let anchors = [None, Some(&[3.0f32, -3.0][..])];
            let (free, _) = run(0.0, cfg, 1.0, &anchors);
            let (weak, _) = run(0.02, cfg, 1.0, &anchors);
            let (strong, _) = run(0.1, cfg, 1.0, &anchors);
            assert_eq!((&weak[..2], &strong[..2]), (&free[..2], &free[..2]));
            assert!(weak[2] > free[2] && strong[2] > weak[2], "{cfg}: {weak:?} {strong:?}");
            assert!(weak[3] < free[3] && strong[3] < weak[3], "{cfg}: {weak:?} {strong:?}");
        }
    }

    #[test]
    fn a_shorter_fraction_pulls_less() {
        let anchors = [Some(&[3.0f32, 3.0][..])];
        let end = |fraction| run(0.1, 1.0, fraction, &anchors).0[0];
        let (_, exact) = run(0.1, 1.0, 0.0, &anchors);
        assert!((end(0.0) - exact).abs() < 2e-3);
        assert!(end(0.0) < end(0.5) && end(0.5) < end(1.0));
    }
}
