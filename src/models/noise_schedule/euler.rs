//! Euler's method on the probability-flow equation (Karras et al., arXiv 2206.00364).
//!
//! The samples are variance-exploding, z = z0 + σ·ε; the model's input is z/sqrt(σ²+1).

use super::config::PredictionType;
use super::{NoiseSchedule, Solver};

/// EulerDiscrete, without added noise. It has no memory.
#[derive(Debug, Clone)]
pub struct EulerSolver {
    schedule: NoiseSchedule,
    prediction: PredictionType,
}

impl EulerSolver {
    /// A solver for a model that predicts `prediction`.
    pub fn new(prediction: PredictionType, schedule: NoiseSchedule) -> Self {
        Self { schedule, prediction }
    }
}

impl Solver for EulerSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, step: usize) -> f32 {
        let sigma = f64::from(self.schedule.sigmas[step]);
        (1.0 / (sigma * sigma + 1.0).sqrt()) as f32
    }

    fn step(&mut self, step: usize, prediction: &[f32], sample: &mut [f32]) {
        let sigma = f64::from(self.schedule.sigmas[step]);
        let move_by = f64::from(self.schedule.sigmas[step + 1]) - sigma;
        // dz/dσ = (z − z0)/σ as a combination of z and the model's output.
        let (of_sample, of_output) = match self.prediction {
            PredictionType::Epsilon => (0.0, 1.0),
            PredictionType::VPrediction => {
                let power = sigma * sigma + 1.0;
                (sigma / power, 1.0 / power.sqrt())
            }
            PredictionType::Sample => (1.0 / sigma, -1.0 / sigma),
        };
        let keep = (1.0 + move_by * of_sample) as f32;
        let add = (move_by * of_output) as f32;
        for (z, output) in sample.iter_mut().zip(prediction) {
            *z = keep * *z + add * output;
        }
    }
}
