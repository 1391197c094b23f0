//! DDIM (Song et al., arXiv 2010.02502) with η = 0: no noise is added.

use super::config::{PredictionType, SchedulerConfig};
use super::{NoiseSchedule, Solver, alphas_cumprod};

/// DDIM under way. It has no memory.
#[derive(Debug, Clone)]
pub struct DdimSolver {
    schedule: NoiseSchedule,
    prediction: PredictionType,
    /// ᾱ that each step arrives at. It goes back by a whole share of training's timesteps, whatever
    /// the next step's timestep is.
    arrivals: Vec<f64>,
}

impl DdimSolver {
    /// A solver at the start of `schedule`.
    pub fn new(config: &SchedulerConfig, schedule: NoiseSchedule) -> Self {
        let alpha_bars = alphas_cumprod(config);
        let stride = (config.num_train_timesteps / schedule.len().max(1)) as f64;
        let last = if config.set_alpha_to_one { 1.0 } else { f64::from(alpha_bars[0]) };
        let arrival = |&timestep: &f32| {
            let before = f64::from(timestep) - stride;
            let at = (before.max(0.0) as usize).min(alpha_bars.len() - 1);
            if before < 0.0 { last } else { f64::from(alpha_bars[at]) }
        };
        let arrivals = schedule.timesteps.iter().map(arrival).collect();
        Self { schedule, prediction: config.prediction_type, arrivals }
    }
}

impl Solver for DdimSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, _step: usize) -> f32 {
        1.0
    }

    fn step(&mut self, step: usize, prediction: &[f32], sample: &mut [f32]) {
        let now = f64::from(self.schedule.alpha_bars[step]);
        let (signal, noise) = (now.sqrt(), (1.0 - now).sqrt());
        // Clean sample and noise as combinations of sample and output.
        let (clean, rest) = match self.prediction {
            PredictionType::Epsilon => ((1.0 / signal, -noise / signal), (0.0, 1.0)),
            PredictionType::VPrediction => ((signal, -noise), (noise, signal)),
            PredictionType::Sample => ((0.0, 1.0), (1.0 / noise, -signal / noise)),
        };
        let (to_signal, to_noise) =
            (self.arrivals[step].sqrt(), (1.0 - self.arrivals[step]).sqrt());
        let of_sample = (to_signal * clean.0 + to_noise * rest.0) as f32;
        let of_output = (to_signal * clean.1 + to_noise * rest.1) as f32;
        for (z, output) in sample.iter_mut().zip(prediction) {
            *z = of_sample * *z + of_output * output;
        }
    }
}
