//! Euler's method with noise added at each step (k-diffusion's "Euler ancestral").
//!
//! The samples are variance-exploding, as [`EulerSolver`](super::euler::EulerSolver)'s are.

use super::euler::towards;
use super::{NoiseSchedule, Solver};

/// EulerAncestralDiscrete under way. It has no memory.
#[derive(Debug, Clone)]
pub struct AncestralSolver {
    schedule: NoiseSchedule,
}

impl AncestralSolver {
    /// A solver at the start of `schedule`.
    pub fn new(schedule: NoiseSchedule) -> Self {
        Self { schedule }
    }

    /// The level that a step goes down to, and the deviation of the noise that brings it up to the next one.
    fn down_and_up(&self, step: usize) -> (f64, f64) {
        let from = f64::from(self.schedule.sigmas[step]);
        let to = f64::from(self.schedule.sigmas[step + 1]);
        let up = (to * to * (from * from - to * to) / (from * from)).max(0.0).sqrt();
        ((to * to - up * up).max(0.0).sqrt(), up)
    }
}

impl Solver for AncestralSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, step: usize) -> f32 {
        self.schedule.levels[step].signal as f32
    }

    fn takes_noise(&self, step: usize) -> bool {
        self.down_and_up(step).1 > 0.0
    }

    fn step(&mut self, step: usize, clean: &[f32], noise: &[f32], sample: &mut [f32]) {
        let (down, up) = self.down_and_up(step);
        towards(f64::from(self.schedule.sigmas[step]), down, clean, sample);
        let up = up as f32;
        sample.iter_mut().zip(noise).for_each(|(z, &noise)| *z += up * noise);
    }
}
