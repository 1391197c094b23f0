//! Noise schedules and solvers: which noise levels sampling visits, and how it goes from one to the next. Pure arithmetic
//! on slices.

mod ancestral;
mod betas;
mod choices;
mod config;
mod ddim;
mod dpm;
mod edm;
mod euler;
mod flow;
mod lcm;
mod level;
mod names;
mod other_keys;
mod process;
mod sigmas;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use ancestral::AncestralSolver;
use betas::alphas_cumprod;
pub use choices::{BetaSchedule, FinalSigma, PredictionType, SolverType, TimestepSpacing};
pub use config::SchedulerConfig;
use ddim::DdimSolver;
use dpm::DpmSolver;
pub use edm::EdmKeys;
use euler::EulerSolver;
pub use flow::{FlowKeys, TimeShift};
pub use lcm::LcmKeys;
use lcm::LcmSolver;
pub use level::NoiseLevel;
pub use other_keys::OtherKeys;
pub use process::{Diffusion, Edm, NoiseProcess, RectifiedFlow};

/// The solver of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
pub enum SolverKind {
    /// DPM-Solver++, multistep.
    #[default]
    #[serde(rename = "dpm++")]
    DpmSolver,
    /// EulerDiscrete; SDXL's own default and its refiner's. On a rectified flow FlowMatchEulerDiscrete.
    #[serde(rename = "euler")]
    Euler,
    /// EulerAncestralDiscrete, which adds noise at each step; SDXL-Turbo's own.
    #[serde(rename = "euler-ancestral")]
    EulerAncestral,
    /// DDIM without added noise (η = 0).
    #[serde(rename = "ddim")]
    Ddim,
    /// Latent consistency sampling, for models that were distilled for it.
    #[serde(rename = "lcm")]
    Lcm,
}

/// How a run's noise levels are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sigmas {
    /// Training's own levels at the spaced timesteps. DDIM, LCM and Euler with added noise have no other.
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
    /// What the denoiser is told of each step's noise: the training timestep, falling (whole numbers except for Euler with
    /// linspace); 1000·σ of a rectified flow; ln(σ)/4 of EDM.
    pub timesteps: Vec<f32>,
    /// σ before each step, and after the last: one more than steps.
    pub sigmas: Vec<f32>,
    /// The level of each step by its σ.
    pub levels: Vec<NoiseLevel>,
    /// The level of each step by ᾱ of its timestep, rounded to a whole one, as the published program reckons; where a
    /// model has no ᾱ, the level by σ.
    pub published_levels: Vec<NoiseLevel>,
    /// How far each step is from the clean end, 0 to 1000, as DDPM's timesteps count.
    pub times: Vec<f64>,
    /// Whether the model is a rectified flow, whose first level is noise alone.
    pub flow: bool,
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

    /// Whether step `step` adds noise.
    fn takes_noise(&self, _step: usize) -> bool {
        false
    }

    /// Takes step `step`, given the clean latent ẑ0 that the model's output for the scaled sample implies, after guidance.
    /// Steps are taken in order; `sample` and `clean` have the same length at every step, and so has `noise`, of unit
    /// deviation, where the step takes noise.
    fn step(&mut self, step: usize, clean: &[f32], noise: &[f32], sample: &mut [f32]);
}

impl SchedulerConfig {
    /// A schedule of `steps` steps, for a configuration that passes [`SchedulerConfig::check`].
    pub fn schedule(&self, method: Method, steps: usize) -> NoiseSchedule {
        let (alpha_bars, process) = (self.alpha_bars(method.solver), self.process());
        let training = sigmas::training_sigmas(&alpha_bars);
        let (timesteps, mut levels) = match () {
            () if self.is_flow() => {
                flow::levels(&self.flow, self.num_train_timesteps, method.solver, steps)
            }
            () if self.is_edm() => edm::levels(&self.edm, method.sigmas, steps),
            () => sigmas::levels(self, method, &training, steps),
        };
        let greatest = levels.first().copied().unwrap_or(0.0);
        let by_sigma: Vec<NoiseLevel> =
            levels.iter().map(|&sigma| process.level(f64::from(sigma))).collect();
        let last = alpha_bars.len() - 1;
        let at = |timestep: &f64| alpha_bars[(timestep.round().max(0.0) as usize).min(last)];
        let published = |timestep| Diffusion(self.prediction_type).of_alpha_bar(at(timestep));
        let of_diffusion = !(self.is_flow() || self.is_edm());
        let time = |(sigma, timestep): (&f32, &f64)| {
            let counted = timestep * 1000.0 / self.num_train_timesteps as f64;
            process.time(f64::from(*sigma)).unwrap_or(counted)
        };
        let times = levels.iter().zip(&timesteps).map(time).collect();
        levels.push(self.last_sigma(method, &training));
        NoiseSchedule {
            published_levels: match of_diffusion {
                true => timesteps.iter().map(published).collect(),
                false => by_sigma.clone(),
            },
            levels: by_sigma,
            times,
            flow: self.is_flow(),
            timesteps: timesteps.into_iter().map(|timestep| timestep as f32).collect(),
            sigmas: levels,
            initial_sigma: self.initial_sigma(method, greatest),
            train_timesteps: self.num_train_timesteps,
        }
    }

    /// ᾱ of every training timestep as a solver has it. Solvers that go by σ have a little signal left where zero terminal
    /// SNR leaves none; those that go by ᾱ do without, unless the model predicts noise, which tells nothing there.
    fn alpha_bars(&self, solver: SolverKind) -> Vec<f32> {
        let mut alpha_bars = alphas_cumprod(self);
        let by_alpha = matches!(solver, SolverKind::Ddim | SolverKind::Lcm);
        let tells = self.prediction_type != PredictionType::Epsilon;
        if let Some(last) = alpha_bars.last_mut().filter(|_| by_alpha && tells) {
            *last = if self.rescale_betas_zero_snr { 0.0 } else { *last };
        }
        alpha_bars
    }

    /// A solver at the start of such a schedule.
    pub fn solver(&self, method: Method, steps: usize) -> Box<dyn Solver> {
        let schedule = self.schedule(method, steps);
        match method.solver {
            SolverKind::Euler => Box::new(EulerSolver::new(self.process().as_ref(), schedule)),
            SolverKind::EulerAncestral => Box::new(AncestralSolver::new(schedule)),
            SolverKind::Lcm => Box::new(LcmSolver::new(&self.lcm, schedule)),
            SolverKind::DpmSolver => Box::new(DpmSolver::new(self, schedule)),
            SolverKind::Ddim => Box::new(DdimSolver::new(self, schedule)),
        }
    }

    fn initial_sigma(&self, method: Method, greatest: f32) -> f32 {
        let of_all = |sigma: f64| (sigma * sigma + 1.0).sqrt() as f32;
        match (method.solver, self.timestep_spacing) {
            _ if self.is_flow() => 1.0,
            _ if self.is_edm() => of_all(self.edm.greatest()),
            (SolverKind::Euler | SolverKind::EulerAncestral, TimestepSpacing::Leading) => {
                (greatest * greatest + 1.0).sqrt()
            }
            (SolverKind::Euler | SolverKind::EulerAncestral, _) => greatest,
            _ => 1.0,
        }
    }

    /// σ after the last step.
    fn last_sigma(&self, method: Method, training: &[f32]) -> f32 {
        match (self.final_sigmas_type, method.solver) {
            (_, SolverKind::Euler) if self.is_flow() => 0.0,
            (_, SolverKind::EulerAncestral) => 0.0,
            (FinalSigma::SigmaMin, _) if self.is_edm() => self.edm.least() as f32,
            _ => sigmas::final_sigma(self, training),
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

    /// Noise over signal before a step; infinite where there is noise alone.
    pub fn ratio(&self, step: usize) -> f32 {
        self.levels[step].ratio()
    }

    /// Number of leading steps that belong to the base model when it hands over to a refiner
    /// after the fraction `denoising_factor` of denoising.
    pub fn steps_before(&self, denoising_factor: f64) -> usize {
        let train = self.train_timesteps as f64;
        let cutoff = (train - denoising_factor * train).round_ties_even();
        self.timesteps.iter().filter(|&&timestep| f64::from(timestep) >= cutoff).count()
    }
}
