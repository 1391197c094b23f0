//! The settings of sampling.

use std::ops::Range;

use super::error::DiffusionError;
use super::folder::ModelFolder;
use super::guidance::{
    GuidancePlan, GuidanceSchedule, GuidanceSettings, INTERVAL, TermSettings, scales,
};
use super::noise::Noise;
use super::noise_schedule::{
    Method, NoiseSchedule, PredictionType, SchedulerConfig, SolverKind, TimestepSpacing,
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
    /// Scales over the run in place of `cfg`, spread evenly over its steps, the refiner's among them; empty for one scale.
    pub cfg_schedule: Vec<f32>,
    /// The guidance scale of models that have it as an input; `cfg` is 1 for them.
    pub embedded_scale: Option<f32>,
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

/// Steps that the denoiser runs for an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct StepsRun {
    /// All of them.
    pub steps: usize,
    /// Of these, steps without classifier-free guidance in a run that has it: half the rows.
    pub unguided: usize,
    /// Rows that the denoiser runs: two a step with classifier-free guidance, else one.
    pub rows: usize,
    /// Rows of the same settings if no step and no row were left out.
    pub all_rows: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            steps: 25,
            cfg: 5.0,
            cfg_schedule: Vec::new(),
            embedded_scale: None,
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
    /// The scheduler's settings of `model` under these, for images of this size.
    pub(crate) fn scheduler(&self, model: &ModelFolder) -> SchedulerConfig {
        let mut scheduler = self.overrides.apply(&model.scheduler);
        scheduler.flow.tokens = model.tokens(self.size);
        scheduler
    }

    fn guidance(&self) -> GuidanceSettings {
        GuidanceSettings {
            cfg: self.cfg,
            cfg_by_step: scales(&self.cfg_schedule, self.steps),
            rescale: self.guidance_rescale,
            gamma: self.gamma,
            fraction: self.guidance_fraction,
            terms: self.terms.clone(),
        }
    }

    /// Whether any step may have classifier-free guidance.
    pub fn is_guided(&self) -> bool {
        match &self.cfg_schedule[..] {
            [] => self.cfg != 1.0,
            scales => scales.iter().any(|scale| *scale != 1.0),
        }
    }

    /// Whether classifier-free guidance is limited to an interval of steps.
    pub(super) fn limits_guidance(&self) -> bool {
        self.terms.is_used(INTERVAL)
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

    /// The steps and rows that the denoisers run on latents of `side` cells: those of the base model, whose scheduler is
    /// `model`, and where it leaves a part of denoising, of the refiner with the scheduler `refiner`.
    pub(crate) fn steps_run(
        &self,
        model: &SchedulerConfig,
        refiner: Option<&SchedulerConfig>,
        side: usize,
    ) -> StepsRun {
        let scheduler = self.overrides.apply(model);
        let levels = scheduler.schedule(self.method, self.steps);
        let base = self.base_steps(&levels);
        let plan = self.guidance_plan(side, base.end);
        let run = plan.steps_run(&levels, base);
        let phases = plan.phases(&levels, run.clone());
        let of_phases = phases.iter().filter(|phase| phase.guided).map(|phase| phase.steps.len());
        let guided: usize = of_phases.sum();
        let (left, guided_left) = match refiner.filter(|_| self.denoising_factor < 1.0) {
            Some(refiner) => self.refined_steps(refiner),
            None => (0, 0),
        };
        let (steps, guided) = (run.len() + left, guided + guided_left);
        let unguided = if self.is_guided() { steps - guided } else { 0 };
        let rows_a_step = if self.is_guided() { 2 } else { 1 };
        let all = plan.steps + left;
        StepsRun { steps, unguided, rows: steps + guided, all_rows: rows_a_step * all }
    }

    /// The refiner's steps, and how many of them have classifier-free guidance: no term acts there.
    fn refined_steps(&self, refiner: &SchedulerConfig) -> (usize, usize) {
        let levels = refiner.schedule(Method::EULER, self.steps);
        let own = levels.steps_before(self.denoising_factor)..levels.len();
        let settings = self.guidance();
        let guided = own.clone().filter(|step| settings.cfg_at(*step) != 1.0).count();
        (own.len(), guided)
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
        let distilled = scheduler.lcm.original_inference_steps;
        if self.method.solver == SolverKind::Lcm && self.steps > distilled {
            let reason = format!(
                "{} is more than the {distilled} that the model was distilled on",
                self.steps
            );
            return Err(DiffusionError::setting("steps", reason));
        }
        if scheduler.is_edm() && self.denoising_factor < 1.0 {
            let reason =
                "the model is of the kind EDM, whose latents no refiner takes: it must be 1"
                    .to_owned();
            return Err(DiffusionError::setting("denoising_factor", reason));
        }
        if self.cfg_schedule.len() > self.steps || self.cfg_schedule.len() == 1 {
            let reason = format!(
                "{} values for {} steps: give one a step, or from two on fewer, which are spread over the run",
                self.cfg_schedule.len(),
                self.steps
            );
            return Err(DiffusionError::setting("cfg_schedule", reason));
        }
        self.guidance().check().map_err(|(name, reason)| DiffusionError::setting(name, reason))?;
        if !(self.denoising_factor > 0.0 && self.denoising_factor <= 1.0) {
            let reason = format!("{} is not above 0 and at most 1", self.denoising_factor);
            return Err(DiffusionError::setting("denoising_factor", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::guidance::interval;

    fn run(sampling: &Sampling, refiner: bool) -> StepsRun {
        let scheduler = SchedulerConfig::default();
        sampling.steps_run(&scheduler, refiner.then_some(&scheduler), 8)
    }

    fn rows(sampling: &Sampling) -> (usize, usize) {
        let run = run(sampling, false);
        (run.rows, run.all_rows)
    }

    fn limited(from: f64, to: f64) -> Sampling {
        let mut sampling = Sampling { terms: TermSettings::default(), ..Sampling::default() };
        interval(from, to).into_iter().for_each(|(key, to)| sampling.terms.set(INTERVAL, key, to));
        sampling
    }

    #[test]
    fn rows_are_two_a_guided_step_and_one_a_step_beside() {
        assert_eq!(rows(&Sampling::default()), (50, 50));
        assert_eq!(rows(&Sampling { cfg: 1.0, ..Sampling::default() }), (25, 25));
        assert_eq!(rows(&limited(0.2, 0.8)), (40, 50));
        assert_eq!(rows(&limited(0.0, 1.0)), (50, 50));
        assert_eq!(rows(&Sampling { cfg: 1.0, ..limited(0.2, 0.8) }), (25, 25));
        // Scales 1, 1, …, then rising from the thirteenth step on: twelve steps have guidance.
        let cfg_schedule = vec![1.0, 1.0, 5.0];
        let scheduled = Sampling { cfg_schedule, ..Sampling::default() };
        assert_eq!(rows(&scheduled), (25 + 12, 50));
        assert_eq!(run(&scheduled, false).unguided, 13);
        let both = Sampling { cfg_schedule: vec![1.0, 1.0, 5.0], ..limited(0.2, 0.8) };
        assert_eq!(rows(&both), (25 + 7, 50));
        let none = Sampling { cfg_schedule: vec![1.0, 1.0], ..Sampling::default() };
        assert_eq!(rows(&none), (25, 25));
    }

    #[test]
    fn a_refiners_steps_have_their_part_of_the_scales_and_no_interval() {
        let halves = Sampling { denoising_factor: 0.5, ..limited(0.2, 0.8) };
        let (base, all) = (run(&halves, false), run(&halves, true));
        let refined = all.steps - base.steps;
        assert!(refined > 0 && all.rows == base.rows + 2 * refined, "{base:?} {all:?}");
        // The interval is one of the base model's steps.
        let cut = base.steps;
        let guided = (0..cut).filter(|i| (0.2..0.8).contains(&(*i as f64 / cut as f64))).count();
        assert_eq!(base.rows, cut + guided);
        let early = Sampling {
            cfg_schedule: [vec![3.0; 5], vec![1.0; 20]].concat(),
            denoising_factor: 0.5,
            ..Sampling::default()
        };
        let run = run(&early, true);
        assert_eq!(run.rows, run.steps + 5);
    }

    #[test]
    fn lists_of_scales_longer_than_the_run_are_refused() {
        let scheduler = SchedulerConfig::default();
        let check = |values: usize, steps: usize| {
            let cfg_schedule = vec![2.0; values];
            Sampling { cfg_schedule, steps, ..Sampling::default() }.check(&scheduler)
        };
        assert!(check(25, 25).is_ok() && check(2, 25).is_ok() && check(0, 1).is_ok());
        let error = check(26, 25).unwrap_err().to_string();
        assert!(error.starts_with("cfg_schedule: 26 values for 25 steps"), "{error}");
    }
}
