//! Noise levels of EDM models, such as Playground v2.5.

use serde::{Deserialize, Serialize};

use super::choices::PredictionType;
use super::{Method, Sigmas, SolverKind};

/// The keys of EDM's schedulers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct EdmKeys {
    /// The least level, 0.002 where none is given.
    pub sigma_min: Option<f64>,
    /// The greatest level, 80 where none is given.
    pub sigma_max: Option<f64>,
    /// Deviation of the data.
    pub sigma_data: f64,
    /// Exponent of Karras' spacing.
    pub rho: f64,
    /// The spacing of levels that the model was saved with.
    pub sigma_schedule: Sigmas,
}

impl Default for EdmKeys {
    fn default() -> Self {
        Self {
            sigma_min: None,
            sigma_max: None,
            sigma_data: 0.5,
            rho: 7.0,
            sigma_schedule: Sigmas::Karras,
        }
    }
}

impl EdmKeys {
    /// The greatest level.
    pub(super) fn greatest(&self) -> f64 {
        self.sigma_max.unwrap_or(80.0)
    }

    /// The least level.
    pub(super) fn least(&self) -> f64 {
        self.sigma_min.unwrap_or(0.002)
    }

    /// Refuses numbers that give no levels.
    pub(super) fn check(&self, prediction: PredictionType) -> Result<(), String> {
        let (least, greatest) = (self.least(), self.greatest());
        if !(least > 0.0 && least < greatest && greatest.is_finite()) {
            return Err(format!(
                "sigma_min {least} and sigma_max {greatest} are no range of levels"
            ));
        }
        for (key, value) in [("sigma_data", self.sigma_data), ("rho", self.rho)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("{key} {value} is not above 0"));
            }
        }
        if prediction == PredictionType::Sample {
            return Err("prediction_type sample is not supported with an EDM scheduler".to_owned());
        }
        Ok(())
    }

    /// Refuses a way to sample that EDM models don't have.
    pub(super) fn check_for(&self, method: Method) -> Result<(), String> {
        if !matches!(method.solver, SolverKind::Euler | SolverKind::DpmSolver) {
            return Err("the model is of the kind EDM, which scheduler \"dpm++\" and \"euler\" sample alone".into());
        }
        if method.sigmas == Sigmas::Plain {
            return Err(
                "the model is of the kind EDM, whose levels are sigmas = \"karras\" or \"exponential\"".into()
            );
        }
        Ok(())
    }
}

/// Timesteps and σ of a run's steps, falling, without the final σ.
pub(super) fn levels(keys: &EdmKeys, sigmas: Sigmas, steps: usize) -> (Vec<f64>, Vec<f32>) {
    let (least, greatest) = (keys.least(), keys.greatest());
    let ramp = |step: usize| step as f64 / (steps.max(2) - 1) as f64;
    let between = |step: usize, from: f64, to: f64| from + ramp(step) * (to - from);
    let level = |step: usize| match sigmas {
        Sigmas::Exponential => between(step, greatest.ln(), least.ln()).exp(),
        _ => {
            let root = |sigma: f64| sigma.powf(1.0 / keys.rho);
            between(step, root(greatest), root(least)).powf(keys.rho)
        }
    };
    let sigmas: Vec<f32> = (0..steps).map(|step| level(step) as f32).collect();
    // What the denoiser is told of the level.
    let times = sigmas.iter().map(|sigma| f64::from(sigma.ln() * 0.25)).collect();
    (times, sigmas)
}
