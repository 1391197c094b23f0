//! Euler's method on the probability-flow equation (Karras et al., arXiv 2206.00364).
//!
//! The samples are z0 + σ·ε, or a flow's own (1−σ)·z0 + σ·ε: dz/dσ = (z − z0)/σ of both.

use super::process::NoiseProcess;
use super::{NoiseSchedule, Solver};

/// EulerDiscrete, EDMEuler or FlowMatchEulerDiscrete, without added noise. It has no memory.
#[derive(Debug, Clone)]
pub struct EulerSolver {
    schedule: NoiseSchedule,
    scales: Vec<f32>,
}

impl EulerSolver {
    /// A solver for a model of `process` at the start of `schedule`.
    pub fn new(process: &dyn NoiseProcess, schedule: NoiseSchedule) -> Self {
        let scale = |&sigma: &f32| process.euler_scale(f64::from(sigma)) as f32;
        let scales = schedule.sigmas.iter().map(scale).collect();
        Self { schedule, scales }
    }
}

impl Solver for EulerSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, step: usize) -> f32 {
        self.scales[step]
    }

    fn step(&mut self, step: usize, clean: &[f32], _noise: &[f32], sample: &mut [f32]) {
        let at = |step: usize| f64::from(self.schedule.sigmas[step]);
        towards(at(step), at(step + 1), clean, sample);
    }
}

/// Moves samples from the level `now` to the level `next` in a straight line towards the clean latent, which is at 0.
pub(super) fn towards(now: f64, next: f64, clean: &[f32], sample: &mut [f32]) {
    let kept = next / now;
    for (z, &clean) in sample.iter_mut().zip(clean) {
        *z = (kept * f64::from(*z) + (1.0 - kept) * f64::from(clean)) as f32;
    }
}
