//! Latent consistency sampling (Luo et al., arXiv 2310.04378): each step jumps to the clean latent and goes back to the next
//! level with new noise.

use serde::{Deserialize, Serialize};

use super::{NoiseSchedule, Solver};
use crate::models::json::whole;

/// The keys of the LCM scheduler.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct LcmKeys {
    /// Timesteps that the model was distilled on.
    #[serde(deserialize_with = "whole")]
    pub original_inference_steps: usize,
    /// Factor of the timestep in the boundary condition.
    pub timestep_scaling: f64,
}

impl Default for LcmKeys {
    fn default() -> Self {
        Self { original_inference_steps: 50, timestep_scaling: 10.0 }
    }
}

/// Deviation of the data in the boundary condition.
const SIGMA_DATA: f64 = 0.5;

/// Falling timesteps: every so many of those that the model was distilled on, from the noisiest.
pub(super) fn timesteps(keys: &LcmKeys, train: usize, steps: usize) -> Vec<f64> {
    let original = keys.original_inference_steps;
    let stride = train / original.max(1);
    let at = |step: usize| (original - step * original / steps.max(1)) * stride;
    (0..steps).map(|step| at(step) as f64 - 1.0).collect()
}

/// LCM under way. It has no memory.
#[derive(Debug, Clone)]
pub struct LcmSolver {
    schedule: NoiseSchedule,
    scaling: f64,
}

impl LcmSolver {
    /// A solver at the start of `schedule`.
    pub fn new(keys: &LcmKeys, schedule: NoiseSchedule) -> Self {
        Self { schedule, scaling: keys.timestep_scaling }
    }

    /// Factors of the sample and of ẑ0 in the model's answer, which at timestep 0 is the sample itself.
    fn boundary(&self, step: usize) -> (f64, f64) {
        let time = f64::from(self.schedule.timesteps[step]) * self.scaling;
        let power = time * time + SIGMA_DATA * SIGMA_DATA;
        (SIGMA_DATA * SIGMA_DATA / power, time / power.sqrt())
    }
}

impl Solver for LcmSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, _step: usize) -> f32 {
        1.0
    }

    fn takes_noise(&self, step: usize) -> bool {
        step + 1 < self.schedule.len()
    }

    fn step(&mut self, step: usize, clean: &[f32], noise: &[f32], sample: &mut [f32]) {
        let (of_sample, of_clean) = self.boundary(step);
        let answer =
            |z: f32, clean: f32| (of_sample * f64::from(z) + of_clean * f64::from(clean)) as f32;
        if !self.takes_noise(step) {
            sample.iter_mut().zip(clean).for_each(|(z, &clean)| *z = answer(*z, clean));
            return;
        }
        let next = self.schedule.published_levels[step + 1];
        for ((z, &clean), &noise) in sample.iter_mut().zip(clean).zip(noise) {
            *z = next.noised(answer(*z, clean), noise);
        }
    }
}
