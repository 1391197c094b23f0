//! Schedules and solvers: which noise levels sampling visits, and how it goes from one to the
//! next. Pure arithmetic on slices.

mod betas;
mod config;
mod dpm;
mod euler;
mod sigmas;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use betas::alphas_cumprod;
pub use config::{
    BetaSchedule, FinalSigma, PredictionType, SchedulerConfig, SolverType, TimestepSpacing,
};
pub use dpm::DpmSolver;
pub use euler::EulerSolver;

/// A way to sample. The published program takes a model's scheduler settings, whatever scheduler
/// they were written for, and builds DPM-Solver++ with Karras sigmas from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// DPM-Solver++ on Karras sigmas; the published program's.
    #[default]
    DpmSolverKarras,
    /// DPM-Solver++ on training's own sigmas.
    DpmSolver,
    /// EulerDiscrete on training's own sigmas; SDXL's own default and its refiner's.
    Euler,
}

/// The noise levels of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Training timestep of each step, falling. Whole numbers except for Euler with linspace.
    pub timesteps: Vec<f32>,
    /// σ before each step, and after the last: one more than steps.
    pub sigmas: Vec<f32>,
    /// ᾱ at each step's timestep, rounded to a whole one.
    pub alpha_bars: Vec<f32>,
    /// Standard deviation of the initial noise.
    pub initial_sigma: f32,
    /// Number of training timesteps, for cutting runs by denoising fraction.
    pub train_timesteps: usize,
}

/// Takes a batch of samples from one noise level to the next.
pub trait Solver {
    /// The noise levels visited.
    fn schedule(&self) -> &Schedule;

    /// Factor from the sample to the model's input at this step.
    fn input_scale(&self, step: usize) -> f32;

    /// Takes step `step`, given the model's output for the scaled sample. Steps are taken in
    /// order; `sample` and `prediction` have the same length at every step.
    fn step(&mut self, step: usize, prediction: &[f32], sample: &mut [f32]);
}

impl SchedulerConfig {
    /// A schedule of `steps` steps, for a configuration that passes [`SchedulerConfig::check`].
    pub fn schedule(&self, method: Method, steps: usize) -> Schedule {
        let alpha_bars = alphas_cumprod(self);
        let training = sigmas::training_sigmas(&alpha_bars);
        let (timesteps, mut levels) = match method {
            Method::DpmSolverKarras => self.karras_levels(&training, steps),
            Method::DpmSolver => levels_at(sigmas::dpm_timesteps(self, steps), &training),
            Method::Euler => levels_at(sigmas::euler_timesteps(self, steps), &training),
        };
        let greatest = levels.first().copied().unwrap_or(0.0);
        levels.push(sigmas::final_sigma(self, &training));
        let last = alpha_bars.len() - 1;
        let at = |timestep: &f64| alpha_bars[(timestep.round().max(0.0) as usize).min(last)];
        Schedule {
            alpha_bars: timesteps.iter().map(at).collect(),
            timesteps: timesteps.into_iter().map(|timestep| timestep as f32).collect(),
            sigmas: levels,
            initial_sigma: self.initial_sigma(method, greatest),
            train_timesteps: self.num_train_timesteps,
        }
    }

    /// A solver at the start of such a schedule.
    pub fn solver(&self, method: Method, steps: usize) -> Box<dyn Solver> {
        let schedule = self.schedule(method, steps);
        match method {
            Method::Euler => Box::new(EulerSolver::new(self.prediction_type, schedule)),
            Method::DpmSolver | Method::DpmSolverKarras => Box::new(DpmSolver::new(self, schedule)),
        }
    }

    fn karras_levels(&self, training: &[f32], steps: usize) -> (Vec<f64>, Vec<f32>) {
        let (least, greatest) = (training[0], training[training.len() - 1]);
        let levels = sigmas::karras(greatest, least, steps);
        let rounded = self.beta_schedule != BetaSchedule::SquaredcosCapV2;
        let timestep = |&sigma: &f64| {
            let timestep = sigmas::timestep_of(sigma, training);
            // The program truncates to whole timesteps what it doesn't round first.
            if rounded { timestep.round_ties_even() } else { timestep.trunc() }
        };
        let timesteps = levels.iter().map(timestep).collect();
        (timesteps, levels.into_iter().map(|sigma| sigma as f32).collect())
    }

    fn initial_sigma(&self, method: Method, greatest: f32) -> f32 {
        match (method, self.timestep_spacing) {
            (Method::Euler, TimestepSpacing::Leading) => (greatest * greatest + 1.0).sqrt(),
            (Method::Euler, _) => greatest,
            _ => 1.0,
        }
    }
}

impl Schedule {
    /// Number of steps.
    pub fn len(&self) -> usize {
        self.timesteps.len()
    }

    /// True for a schedule without steps.
    pub fn is_empty(&self) -> bool {
        self.timesteps.is_empty()
    }

    /// Number of leading steps that belong to the base model when it hands over to a refiner
    /// after the fraction `denoising_factor` of denoising.
    pub fn steps_before(&self, denoising_factor: f64) -> usize {
        let train = self.train_timesteps as f64;
        let cutoff = (train - denoising_factor * train).round_ties_even();
        self.timesteps.iter().filter(|&&timestep| f64::from(timestep) >= cutoff).count()
    }
}

fn levels_at(timesteps: Vec<f64>, training: &[f32]) -> (Vec<f64>, Vec<f32>) {
    let levels = timesteps.iter().map(|&timestep| sigmas::sigma_at(timestep, training)).collect();
    (timesteps, levels)
}
