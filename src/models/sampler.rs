//! The sampling loop: model, correction, guidance, solver, step after step.
//!
//! The model is behind a trait, so the loop is plain arithmetic and can be tested with a formula
//! in the model's place.

use std::ops::Range;

use super::error::DiffusionError;
use super::guidance::{self, Alignment};
use super::scheduler::{PredictionType, Solver};

/// What a model says of a batch of samples; both vectors are as long as the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Given the prompts.
    pub conditional: Vec<f32>,
    /// Given the negative prompts; `None` in runs without classifier-free guidance.
    pub unconditional: Option<Vec<f32>>,
}

/// A model that predicts noise (or velocity) for a batch of samples.
pub trait Denoiser {
    /// Predicts for `input`, the batch's scaled samples, at `timestep` of step `step`.
    ///
    /// # Errors
    /// Whatever keeps the model from predicting.
    fn predict(
        &mut self,
        step: usize,
        timestep: f32,
        input: &[f32],
    ) -> Result<Prediction, DiffusionError>;
}

/// What a run does at each step, beside solving.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// CoDA's correction.
    pub alignment: Alignment,
    /// Classifier-free scale w, for predictions that have an unconditional half.
    pub cfg: f32,
    /// Share of guidance rescale, 0 for none.
    pub rescale: f32,
    /// What the model predicts.
    pub prediction_type: PredictionType,
    /// Number of steps that the correction's fraction refers to.
    pub aligned_run: usize,
}

/// One step of a recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceStep {
    /// The step's number in its schedule.
    pub step: usize,
    /// Its timestep.
    pub timestep: f32,
    /// The samples before the step, unscaled.
    pub sample: Vec<f32>,
    /// The prediction after correction and guidance.
    pub prediction: Vec<f32>,
}

/// Runs the steps `range` of a solver's schedule on a batch of samples, in place.
///
/// `anchors` has an entry per sample: its anchor, or `None` to leave it uncorrected. All anchors
/// and samples have the same length. `trace`, if given, receives every step.
///
/// # Errors
/// Those of the model.
pub fn denoise(
    solver: &mut dyn Solver,
    range: Range<usize>,
    plan: &Plan,
    anchors: &[Option<&[f32]>],
    samples: &mut [f32],
    model: &mut dyn Denoiser,
    mut trace: Option<&mut Vec<TraceStep>>,
) -> Result<(), DiffusionError> {
    for step in range {
        let timestep = solver.schedule().timesteps[step];
        let scale = solver.input_scale(step);
        let input: Vec<f32> = samples.iter().map(|value| value * scale).collect();
        let Prediction { mut conditional, unconditional } =
            model.predict(step, timestep, &input)?;
        correct(solver, step, plan, anchors, &input, &mut conditional);
        if let Some(unconditional) = &unconditional {
            guide(plan, anchors.len(), &mut conditional, unconditional);
        }
        solver_step(solver, step, timestep, &conditional, samples, trace.as_deref_mut());
    }
    Ok(())
}

/// Classifier-free guidance of `samples` samples, then rescale where it is asked for.
fn guide(plan: &Plan, samples: usize, conditional: &mut [f32], unconditional: &[f32]) {
    let kept = if plan.rescale > 0.0 { conditional.to_vec() } else { Vec::new() };
    guidance::combine(conditional, unconditional, plan.cfg);
    let size = (conditional.len() / samples.max(1)).max(1);
    for (guided, kept) in conditional.chunks_mut(size).zip(kept.chunks(size)) {
        guidance::rescale(guided, kept, plan.rescale);
    }
}

fn correct(
    solver: &dyn Solver,
    step: usize,
    plan: &Plan,
    anchors: &[Option<&[f32]>],
    input: &[f32],
    conditional: &mut [f32],
) {
    let schedule = solver.schedule();
    let Some(strength) = plan.alignment.strength(schedule, step, plan.aligned_run) else {
        return;
    };
    let alpha_bar = schedule.alpha_bars[step];
    let size = input.len() / anchors.len().max(1);
    let samples = conditional.chunks_mut(size.max(1)).zip(input.chunks(size.max(1)));
    for ((output, input), anchor) in samples.zip(anchors) {
        if let Some(anchor) = anchor {
            guidance::align(output, input, anchor, alpha_bar, strength, plan.prediction_type);
        }
    }
}

fn solver_step(
    solver: &mut dyn Solver,
    step: usize,
    timestep: f32,
    prediction: &[f32],
    samples: &mut [f32],
    trace: Option<&mut Vec<TraceStep>>,
) {
    if let Some(trace) = trace {
        let (sample, prediction) = (samples.to_vec(), prediction.to_vec());
        trace.push(TraceStep { step, timestep, sample, prediction });
    }
    solver.step(step, prediction, samples);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::guidance::Pull;
    use crate::models::scheduler::{BetaSchedule, Method, SchedulerConfig};

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
        let plan = Plan {
            alignment: Alignment { gamma, fraction, pull: Pull::Sigma, cfg, side: 1 },
            cfg,
            rescale: 0.0,
            prediction_type: PredictionType::Epsilon,
            aligned_run: 25,
        };
        let mut samples = vec![START; 2 * anchors.len()];
        let solver = solver.as_mut();
        denoise(solver, 0..25, &plan, anchors, &mut samples, &mut model, None).unwrap();
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
