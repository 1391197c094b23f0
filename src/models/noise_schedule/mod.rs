//! Noise schedules and solvers: which noise levels sampling visits, and how it goes from one to the next. Pure arithmetic
//! on slices.

mod betas;
mod config;
mod ddim;
mod dpm;
mod euler;
mod other_keys;
mod sigmas;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use betas::alphas_cumprod;
pub use config::{
    BetaSchedule, FinalSigma, PredictionType, SchedulerConfig, SolverType, TimestepSpacing,
};
use ddim::DdimSolver;
use dpm::DpmSolver;
use euler::EulerSolver;
pub use other_keys::OtherKeys;

/// The solver of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
pub enum SolverKind {
    /// DPM-Solver++, multistep.
    #[default]
    #[serde(rename = "dpm++")]
    DpmSolver,
    /// EulerDiscrete; SDXL's own default and its refiner's.
    #[serde(rename = "euler")]
    Euler,
    /// DDIM without added noise (η = 0).
    #[serde(rename = "ddim")]
    Ddim,
}

/// How a run's noise levels are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sigmas {
    /// Training's own levels at the spaced timesteps. DDIM has no other.
    Plain,
    /// Evenly in the seventh root (Karras et al., arXiv 2206.00364).
    #[default]
    Karras,
    /// Evenly in the logarithm.
    Exponential,
}

/// A way to sample. The published program takes a model's scheduler settings, whatever scheduler
/// they were written for, and builds DPM-Solver++ with Karras sigmas from them: the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
pub struct Method {
    /// The solver.
    pub solver: SolverKind,
    /// The noise levels.
    pub sigmas: Sigmas,
}

impl Method {
    /// EulerDiscrete on training's own levels, as SDXL's refiner has it.
    pub const EULER: Self = Self { solver: SolverKind::Euler, sigmas: Sigmas::Plain };
}

/// The noise levels of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseSchedule {
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
    fn schedule(&self) -> &NoiseSchedule;

    /// Factor from the sample to the model's input at this step.
    fn input_scale(&self, step: usize) -> f32;

    /// Takes step `step`, given the model's output for the scaled sample. Steps are taken in
    /// order; `sample` and `prediction` have the same length at every step.
    fn step(&mut self, step: usize, prediction: &[f32], sample: &mut [f32]);
}

impl SchedulerConfig {
    /// A schedule of `steps` steps, for a configuration that passes [`SchedulerConfig::check`].
    pub fn schedule(&self, method: Method, steps: usize) -> NoiseSchedule {
        let alpha_bars = alphas_cumprod(self);
        let training = sigmas::training_sigmas(&alpha_bars);
        let (timesteps, mut levels) = sigmas::levels(self, method, &training, steps);
        let greatest = levels.first().copied().unwrap_or(0.0);
        levels.push(sigmas::final_sigma(self, &training));
        let last = alpha_bars.len() - 1;
        let at = |timestep: &f64| alpha_bars[(timestep.round().max(0.0) as usize).min(last)];
        NoiseSchedule {
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
        match method.solver {
            SolverKind::Euler => Box::new(EulerSolver::new(self.prediction_type, schedule)),
            SolverKind::DpmSolver => Box::new(DpmSolver::new(self, schedule)),
            SolverKind::Ddim => Box::new(DdimSolver::new(self, schedule)),
        }
    }

    fn initial_sigma(&self, method: Method, greatest: f32) -> f32 {
        match (method.solver, self.timestep_spacing) {
            (SolverKind::Euler, TimestepSpacing::Leading) => (greatest * greatest + 1.0).sqrt(),
            (SolverKind::Euler, _) => greatest,
            _ => 1.0,
        }
    }
}

impl NoiseSchedule {
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
