//! A scheduler's settings, as `scheduler_config.json` has them.

use serde::{Deserialize, Serialize};

use super::choices::{BetaSchedule, FinalSigma, PredictionType, SolverType, TimestepSpacing};
use super::edm::EdmKeys;
use super::flow::FlowKeys;
use super::lcm::LcmKeys;
use super::other_keys::OtherKeys;
use crate::models::json::whole;

/// Far beyond any model (they have 1000): a damaged number must not allocate.
const MOST_TIMESTEPS: usize = 1_000_000;

/// The keys of `scheduler_config.json` that sampling depends on; absent ones have the defaults
/// of the diffusers library, other keys are ignored.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// Number of timesteps in training.
    #[serde(deserialize_with = "whole")]
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// How betas grow between.
    pub beta_schedule: BetaSchedule,
    /// Betas given one by one, instead.
    pub trained_betas: Option<Vec<f64>>,
    /// Whether the last timestep of training is noise alone.
    pub rescale_betas_zero_snr: bool,
    /// What the UNet predicts.
    pub prediction_type: PredictionType,
    /// Which timesteps are visited.
    pub timestep_spacing: TimestepSpacing,
    /// Added to timesteps under [`TimestepSpacing::Leading`].
    #[serde(deserialize_with = "whole")]
    pub steps_offset: usize,
    /// Sigma after the last step.
    pub final_sigmas_type: FinalSigma,
    /// Karras spacing of sigmas. [`Method`](super::Method) decides instead of this key.
    pub use_karras_sigmas: bool,
    /// Exponential spacing, likewise.
    pub use_exponential_sigmas: bool,
    /// Whether DDIM's last step ends at no noise at all, rather than at the least of training.
    pub set_alpha_to_one: bool,
    /// Unsupported when true.
    pub use_beta_sigmas: bool,
    /// Order of DPM-Solver++, 1 to 3.
    #[serde(deserialize_with = "whole")]
    pub solver_order: usize,
    /// Its second-order variant.
    pub solver_type: SolverType,
    /// Lower its order at the end of short runs.
    pub lower_order_final: bool,
    /// Take the last step at first order whatever the run's length.
    pub euler_at_final: bool,
    /// Keys of flow-matching schedulers.
    #[serde(flatten)]
    pub flow: FlowKeys,
    /// Keys of EDM's schedulers.
    #[serde(flatten)]
    pub edm: EdmKeys,
    /// Keys of the LCM scheduler.
    #[serde(flatten)]
    pub lcm: LcmKeys,
    /// What is not done here, and must not be passed over where it changes images.
    #[serde(flatten)]
    pub others: OtherKeys,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            rescale_betas_zero_snr: false,
            prediction_type: PredictionType::Epsilon,
            timestep_spacing: TimestepSpacing::Linspace,
            steps_offset: 0,
            final_sigmas_type: FinalSigma::Zero,
            use_karras_sigmas: false,
            use_exponential_sigmas: false,
            set_alpha_to_one: true,
            use_beta_sigmas: false,
            solver_order: 2,
            solver_type: SolverType::Midpoint,
            lower_order_final: true,
            euler_at_final: false,
            flow: FlowKeys::default(),
            edm: EdmKeys::default(),
            lcm: LcmKeys::default(),
            others: OtherKeys::default(),
        }
    }
}

impl SchedulerConfig {
    /// Whether the model is a rectified flow.
    pub fn is_flow(&self) -> bool {
        self.prediction_type == PredictionType::FlowPrediction
            || self.flow.use_flow_sigmas
            || self.others.class_begins("FlowMatch")
    }

    /// Whether the model was trained as in EDM.
    pub fn is_edm(&self) -> bool {
        self.others.class_begins("EDM")
    }

    /// Refuses what is not implemented or can't be.
    ///
    /// # Errors
    /// The key at fault and why.
    pub fn check(&self) -> Result<(), String> {
        if self.use_beta_sigmas {
            return Err("use_beta_sigmas is not supported".to_owned());
        }
        self.others.check()?;
        self.check_kind()?;
        if !(2..=MOST_TIMESTEPS).contains(&self.num_train_timesteps) {
            return Err(format!("num_train_timesteps must be between 2 and {MOST_TIMESTEPS}"));
        }
        if self.trained_betas.as_ref().is_some_and(|betas| betas.len() != self.num_train_timesteps)
        {
            return Err("trained_betas must have num_train_timesteps values".to_owned());
        }
        if !(1..=3).contains(&self.solver_order) {
            return Err(format!("solver_order {} is not 1, 2 or 3", self.solver_order));
        }
        let range = 0.0..1.0;
        if !range.contains(&self.beta_start) || !range.contains(&self.beta_end) {
            return Err("beta_start and beta_end must lie in 0..1".to_owned());
        }
        Ok(())
    }

    /// Refuses keys that the kind of model has no use for, or numbers that it can't do with.
    fn check_kind(&self) -> Result<(), String> {
        if self.is_flow() {
            let of_class = self.others.class_begins("FlowMatch");
            for (key, set) in [
                ("use_karras_sigmas", self.use_karras_sigmas),
                ("use_exponential_sigmas", self.use_exponential_sigmas),
            ] {
                if set {
                    return Err(format!(
                        "{key} true is not supported with the levels of a rectified flow"
                    ));
                }
            }
            let predicts = self.prediction_type;
            let fine = predicts == PredictionType::FlowPrediction
                || (of_class && predicts == PredictionType::Epsilon);
            return match fine {
                true => self.flow.check(),
                false => Err(
                    "use_flow_sigmas true is not supported without prediction_type flow_prediction"
                        .into(),
                ),
            };
        }
        if self.is_edm() {
            return self.edm.check(self.prediction_type);
        }
        for (key, value) in [("sigma_min", self.edm.sigma_min), ("sigma_max", self.edm.sigma_max)] {
            if let Some(value) = value {
                return Err(format!("{key} {value} is not supported"));
            }
        }
        if self.lcm.original_inference_steps == 0 || !self.lcm.timestep_scaling.is_finite() {
            return Err("original_inference_steps and timestep_scaling must be above 0".to_owned());
        }
        Ok(())
    }

    /// As [`SchedulerConfig::check`], and what only `method` would have to heed.
    ///
    /// # Errors
    /// The key at fault and why.
    pub fn check_for(&self, method: super::Method) -> Result<(), String> {
        self.check()?;
        if self.is_flow() {
            return self.flow.check_for(method);
        }
        if self.is_edm() {
            return self.edm.check_for(method);
        }
        self.others.check_for(method)
    }

    /// Keys that are given and that `method` passes over, in sentences.
    pub fn set_aside(&self, method: super::Method) -> Vec<String> {
        self.others.set_aside(method)
    }
}
