//! DDIM (Song et al., arXiv 2010.02502) with η = 0: no noise is added.

use super::config::SchedulerConfig;
use super::{NoiseSchedule, Solver, alphas_cumprod};

/// DDIM under way. It has no memory.
#[derive(Debug, Clone)]
pub struct DdimSolver {
    schedule: NoiseSchedule,
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
        Self { schedule, arrivals }
    }
}

impl Solver for DdimSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, _step: usize) -> f32 {
        1.0
    }

    fn step(&mut self, step: usize, clean: &[f32], _noise: &[f32], sample: &mut [f32]) {
        let now = self.schedule.published_levels[step];
        let arrival = self.arrivals[step];
        let (to_signal, to_noise) = (arrival.sqrt(), (1.0 - arrival).sqrt());
        // The noise that is left, ε̂ = (z − signal·ẑ0)/noise, keeps its direction.
        let kept = to_noise / now.noise;
        let of_clean = to_signal - kept * now.signal;
        for (z, &clean) in sample.iter_mut().zip(clean) {
            *z = (kept * f64::from(*z) + of_clean * f64::from(clean)) as f32;
        }
    }
}
