//! The settings of sampling.

use std::ops::Range;

use super::error::DiffusionError;
use super::guidance::{Alignment, Pull};
use super::sampler::Plan;
use super::scheduler::{Method, PredictionType, Schedule, SchedulerConfig, TimestepSpacing};

/// Scheduler settings that take the place of those in a model's folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Order of DPM-Solver++.
    pub solver_order: Option<usize>,
    /// Which timesteps are visited.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// What the UNet predicts.
    pub prediction_type: Option<PredictionType>,
}

impl Overrides {
    /// The model's settings under these.
    pub fn apply(&self, model: &SchedulerConfig) -> SchedulerConfig {
        SchedulerConfig {
            solver_order: self.solver_order.unwrap_or(model.solver_order),
            timestep_spacing: self.timestep_spacing.unwrap_or(model.timestep_spacing),
            prediction_type: self.prediction_type.unwrap_or(model.prediction_type),
            ..model.clone()
        }
    }
}

/// How images are sampled. The default is the published program's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Number of steps N.
    pub steps: usize,
    /// Classifier-free scale w; at exactly 1 the negative prompt is not computed.
    pub cfg: f32,
    /// Alignment scale γ; 0 turns the correction off.
    pub gamma: f32,
    /// Fraction of the steps that are corrected (GTP), 0 to 1.
    pub guidance_fraction: f64,
    /// How the correction's pull varies.
    pub pull: Pull,
    /// Height and width of the images in pixels.
    pub size: usize,
    /// Share of guidance rescale, 0 (none) to 1.
    pub guidance_rescale: f32,
    /// Solver and noise levels.
    pub method: Method,
    /// What takes the place of the model's own scheduler settings.
    pub overrides: Overrides,
    /// Fraction of denoising left to the base model; below 1, a refiner takes the rest.
    pub denoising_factor: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            steps: 25,
            cfg: 5.0,
            gamma: 0.05,
            guidance_fraction: 0.9,
            pull: Pull::Sigma,
            size: 1024,
            guidance_rescale: 0.0,
            method: Method::default(),
            overrides: Overrides::default(),
            denoising_factor: 1.0,
        }
    }
}

impl Sampling {
    pub(super) fn plan(
        &self,
        scheduler: &SchedulerConfig,
        side: usize,
        aligned_run: usize,
    ) -> Plan {
        Plan {
            alignment: Alignment {
                gamma: self.gamma,
                fraction: self.guidance_fraction,
                pull: self.pull,
                cfg: self.cfg,
                side,
            },
            cfg: self.cfg,
            rescale: self.guidance_rescale,
            prediction_type: scheduler.prediction_type,
            aligned_run,
        }
    }

    /// The steps that are the base model's.
    pub(super) fn base_steps(&self, schedule: &Schedule) -> Range<usize> {
        let whole = self.denoising_factor >= 1.0;
        0..if whole { schedule.len() } else { schedule.steps_before(self.denoising_factor) }
    }

    /// Refuses settings that no model can follow.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] with the setting's name.
    pub fn check(&self, scheduler: &SchedulerConfig) -> Result<(), DiffusionError> {
        let most = scheduler.num_train_timesteps - 1;
        if !(1..=most).contains(&self.steps) {
            return Err(setting("steps", format!("{} is not in 1..={most}", self.steps)));
        }
        let finite = [("cfg", self.cfg), ("gamma", self.gamma)];
        if let Some((name, value)) = finite.into_iter().find(|(_, value)| !value.is_finite()) {
            return Err(setting(name, format!("{value} is not finite")));
        }
        scheduler.check_for(self.method).map_err(|reason| setting("scheduler", reason))?;
        if !(0.0..=1.0).contains(&self.guidance_rescale) {
            let reason = format!("{} is not in 0..=1", self.guidance_rescale);
            return Err(setting("guidance_rescale", reason));
        }
        if !(0.0..=1.0).contains(&self.guidance_fraction) {
            let reason = format!("{} is not in 0..=1", self.guidance_fraction);
            return Err(setting("guidance_fraction", reason));
        }
        if !(self.denoising_factor > 0.0 && self.denoising_factor <= 1.0) {
            let reason = format!("{} is not above 0 and at most 1", self.denoising_factor);
            return Err(setting("denoising_factor", reason));
        }
        Ok(())
    }
}

pub(super) fn setting(name: &'static str, reason: String) -> DiffusionError {
    DiffusionError::Setting { name, reason }
}
