//! The settings of sampling.

use std::ops::Range;

use super::error::DiffusionError;
use super::guidance::{GuidancePlan, GuidanceSchedule, GuidanceSettings, Phase, TermSettings};
use super::noise::Noise;
use super::noise_schedule::{
    Method, NoiseSchedule, PredictionType, SchedulerConfig, TimestepSpacing,
};

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
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Number of steps N.
    pub steps: usize,
    /// Classifier-free scale w; at exactly 1 the negative prompt is not computed.
    pub cfg: f32,
    /// Alignment scale γ; 0 turns the correction off.
    pub gamma: f32,
    /// Fraction of the steps that are corrected (GTP), 0 to 1.
    pub guidance_fraction: f64,
    /// The terms of guidance and their keys.
    pub terms: TermSettings,
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
    /// The generator of the noise that some solvers add at each step.
    pub noise: Noise,
}

/// Steps that the denoiser runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepsRun {
    /// All of them.
    pub steps: usize,
    /// Of these, steps without classifier-free guidance in a run that has it: half the rows.
    pub unguided: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            steps: 25,
            cfg: 5.0,
            gamma: 0.05,
            guidance_fraction: 0.9,
            terms: GuidanceSchedule::Sigma.into(),
            size: 1024,
            guidance_rescale: 0.0,
            method: Method::default(),
            overrides: Overrides::default(),
            denoising_factor: 1.0,
            noise: Noise::Native,
        }
    }
}

impl Sampling {
    fn guidance(&self) -> GuidanceSettings {
        GuidanceSettings {
            cfg: self.cfg,
            rescale: self.guidance_rescale,
            gamma: self.gamma,
            fraction: self.guidance_fraction,
            terms: self.terms.clone(),
        }
    }

    /// The guidance of latents of `side` cells, `steps` being those that fractions of the run refer to.
    pub(super) fn guidance_plan(&self, side: usize, steps: usize) -> GuidancePlan {
        GuidancePlan { settings: self.guidance(), side, steps }
    }

    /// The steps that are the base model's.
    pub(super) fn base_steps(&self, schedule: &NoiseSchedule) -> Range<usize> {
        let whole = self.denoising_factor >= 1.0;
        0..if whole { schedule.len() } else { schedule.steps_before(self.denoising_factor) }
    }

    /// Whether every image needs an anchor to start from.
    pub(super) fn starts_from_anchors(&self, scheduler: &SchedulerConfig, side: usize) -> bool {
        let levels = scheduler.schedule(self.method, self.steps);
        self.guidance_plan(side, self.steps).starts_from_anchors(&levels)
    }

    /// The steps that the denoiser runs on latents of `side` cells, and how many of them without the unconditional rows that
    /// other steps have.
    pub(crate) fn steps_run(&self, model: &SchedulerConfig, side: usize) -> StepsRun {
        let scheduler = self.overrides.apply(model);
        let levels = scheduler.schedule(self.method, self.steps);
        let base = self.base_steps(&levels);
        let left_to_refiner = self.steps - base.end;
        let plan = self.guidance_plan(side, base.end);
        let steps = plan.steps_run(&levels, base);
        let phases = plan.phases(&levels, steps.clone());
        let half = |phase: &&Phase| self.cfg != 1.0 && !phase.guided;
        StepsRun {
            steps: steps.len() + left_to_refiner,
            unguided: phases.iter().filter(half).map(|phase| phase.steps.len()).sum(),
        }
    }

    /// Refuses settings that no model can follow.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] with the setting's name.
    pub fn check(&self, scheduler: &SchedulerConfig) -> Result<(), DiffusionError> {
        let most = scheduler.num_train_timesteps - 1;
        if !(1..=most).contains(&self.steps) {
            return Err(DiffusionError::setting(
                "steps",
                format!("{} is not in 1..={most}", self.steps),
            ));
        }
        scheduler
            .check_for(self.method)
            .map_err(|reason| DiffusionError::setting("scheduler", reason))?;
        self.guidance().check().map_err(|(name, reason)| DiffusionError::setting(name, reason))?;
        if !(self.denoising_factor > 0.0 && self.denoising_factor <= 1.0) {
            let reason = format!("{} is not above 0 and at most 1", self.denoising_factor);
            return Err(DiffusionError::setting("denoising_factor", reason));
        }
        Ok(())
    }
}
