//! Noise levels of rectified-flow models: FlowMatchEulerDiscrete's, and DPM-Solver++'s on flow sigmas.

use serde::{Deserialize, Serialize};

use super::{Method, Sigmas, SolverKind};
use crate::models::json::whole;

/// The keys of flow-matching schedulers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct FlowKeys {
    /// How far levels are shifted towards noise: σ ← k·σ/(1 + (k−1)·σ).
    pub shift: f64,
    /// The same key of DPM-Solver++; there it comes before `shift`.
    pub flow_shift: Option<f64>,
    /// Whether the shift follows from the size of the image.
    pub use_dynamic_shifting: bool,
    /// log k at `base_image_seq_len` tokens.
    pub base_shift: f64,
    /// log k at `max_image_seq_len` tokens.
    pub max_shift: f64,
    /// Tokens of a small image.
    #[serde(deserialize_with = "whole")]
    pub base_image_seq_len: usize,
    /// Tokens of a large image.
    #[serde(deserialize_with = "whole")]
    pub max_image_seq_len: usize,
    /// Which formula the dynamic shift goes by.
    pub time_shift_type: TimeShift,
    /// The level of the last step, where levels are stretched to it.
    pub shift_terminal: Option<f64>,
    /// DPM-Solver++ on the levels of a flow.
    pub use_flow_sigmas: bool,
    /// Levels turned round, of Mochi; refused.
    pub invert_sigmas: bool,
    /// Noise added at each step, of LTX-Video; refused.
    pub stochastic_sampling: bool,
    /// Whether the pipeline gives evenly spaced levels from 1 to 1/steps, as FLUX's does. The model's folder says so.
    #[serde(skip)]
    pub even: bool,
    /// Tokens of the image to be, for the dynamic shift.
    #[serde(skip)]
    pub tokens: usize,
}

/// The formula of a dynamic shift by μ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeShift {
    /// k = exp(μ).
    #[default]
    Exponential,
    /// k = μ.
    Linear,
}

impl Default for FlowKeys {
    fn default() -> Self {
        Self {
            shift: 1.0,
            flow_shift: None,
            use_dynamic_shifting: false,
            base_shift: 0.5,
            max_shift: 1.15,
            base_image_seq_len: 256,
            max_image_seq_len: 4096,
            time_shift_type: TimeShift::Exponential,
            shift_terminal: None,
            use_flow_sigmas: false,
            invert_sigmas: false,
            stochastic_sampling: false,
            even: false,
            tokens: 0,
        }
    }
}

impl FlowKeys {
    /// Refuses what is not done here, and numbers that give no levels.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, set) in [
            ("invert_sigmas", self.invert_sigmas),
            ("stochastic_sampling", self.stochastic_sampling),
        ] {
            if set {
                return Err(format!("{key} true is not supported"));
            }
        }
        let usable = |shift: f64| shift.is_finite() && shift > 0.0;
        for (key, shift) in [("shift", Some(self.shift)), ("flow_shift", self.flow_shift)] {
            if let Some(shift) = shift.filter(|shift| !usable(*shift)) {
                return Err(format!("{key} {shift} is not above 0"));
            }
        }
        if self.use_dynamic_shifting {
            if self.base_image_seq_len >= self.max_image_seq_len {
                return Err("max_image_seq_len must be above base_image_seq_len".to_owned());
            }
            if !(self.base_shift.is_finite() && self.max_shift.is_finite()) {
                return Err("base_shift and max_shift must be numbers".to_owned());
            }
            let linear = self.time_shift_type == TimeShift::Linear;
            if linear && self.base_shift.min(self.max_shift) <= 0.0 {
                return Err("base_shift and max_shift must be above 0 for time_shift_type linear"
                    .to_owned());
            }
        }
        match self.shift_terminal {
            Some(last) if !(0.0..1.0).contains(&last) => {
                Err(format!("shift_terminal {last} is not in 0..1"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a way to sample that flows don't have.
    pub(super) fn check_for(&self, method: Method) -> Result<(), String> {
        if !matches!(method.solver, SolverKind::Euler | SolverKind::DpmSolver) {
            return Err("the model is a rectified flow, which scheduler \"euler\" and \"dpm++\" sample alone".into());
        }
        if method.sigmas != Sigmas::Plain {
            return Err(
                "the model is a rectified flow, whose own levels are sigmas = \"plain\"".into()
            );
        }
        Ok(())
    }

    /// The factor k of the shift.
    fn factor(&self, given: f64) -> f64 {
        if !self.use_dynamic_shifting {
            return given;
        }
        let (base, most) = (self.base_image_seq_len as f64, self.max_image_seq_len as f64);
        let slope = (self.max_shift - self.base_shift) / (most - base);
        let mu = self.base_shift + slope * (self.tokens as f64 - base);
        match self.time_shift_type {
            TimeShift::Exponential => mu.exp(),
            TimeShift::Linear => mu,
        }
    }
}

/// Timesteps and σ of a run's steps, falling, without the final σ.
pub(super) fn levels(
    keys: &FlowKeys,
    train: usize,
    solver: SolverKind,
    steps: usize,
) -> (Vec<f64>, Vec<f32>) {
    let train = train as f64;
    if solver == SolverKind::DpmSolver {
        let k = keys.factor(keys.flow_shift.unwrap_or(keys.shift));
        let most = 1.0 - 1.0 / train;
        let level = |step: usize| shifted(most * (steps - step) as f64 / steps as f64, k);
        let levels: Vec<f64> = (0..steps).map(level).collect();
        // DPM-Solver++ has whole timesteps.
        let times = levels.iter().map(|sigma| (sigma * train).trunc()).collect();
        return (times, levels.into_iter().map(|sigma| sigma as f32).collect());
    }
    let k = keys.factor(keys.shift);
    // The least level of training is shifted already, and then again; diffusers has it so.
    let least = match (keys.even, keys.use_dynamic_shifting) {
        (true, _) => 1.0 / steps as f64,
        (false, true) => 1.0 / train,
        (false, false) => f64::from(shifted(1.0 / train, keys.shift) as f32),
    };
    let ramp = |step: usize| step as f64 / (steps.max(2) - 1) as f64;
    let even = |step: usize| 1.0 + ramp(step) * (least - 1.0);
    let mut levels: Vec<f64> = (0..steps).map(|step| shifted(even(step), k)).collect();
    if let (Some(terminal), Some(last)) = (keys.shift_terminal, levels.last().copied())
        && last < 1.0
        && terminal > 0.0
    {
        let scale = (1.0 - last) / (1.0 - terminal);
        levels.iter_mut().for_each(|sigma| *sigma = 1.0 - (1.0 - *sigma) / scale);
    }
    let sigmas: Vec<f32> = levels.into_iter().map(|sigma| sigma as f32).collect();
    let times = sigmas.iter().map(|sigma| f64::from(sigma * train as f32)).collect();
    (times, sigmas)
}

fn shifted(sigma: f64, k: f64) -> f64 {
    k * sigma / (1.0 + (k - 1.0) * sigma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_give_no_levels_are_refused_by_name() {
        let dynamic = FlowKeys { use_dynamic_shifting: true, ..FlowKeys::default() };
        assert_eq!(dynamic.check(), Ok(()));
        let linear = FlowKeys { time_shift_type: TimeShift::Linear, ..dynamic.clone() };
        assert_eq!(linear.check(), Ok(()));
        for (keys, key) in [
            (FlowKeys { base_shift: -0.5, ..linear }, "base_shift"),
            (FlowKeys { max_shift: f64::NAN, ..dynamic.clone() }, "max_shift"),
            (FlowKeys { max_image_seq_len: 256, ..dynamic.clone() }, "max_image_seq_len"),
            (FlowKeys { shift: 0.0, ..FlowKeys::default() }, "shift 0"),
            (FlowKeys { flow_shift: Some(f64::INFINITY), ..FlowKeys::default() }, "flow_shift"),
            (FlowKeys { shift_terminal: Some(1.0), ..FlowKeys::default() }, "shift_terminal"),
            (FlowKeys { invert_sigmas: true, ..FlowKeys::default() }, "invert_sigmas"),
        ] {
            assert!(keys.check().unwrap_err().contains(key), "{key}");
        }
    }

    #[test]
    fn levels_fall_from_noise_alone_and_never_reach_the_clean_end() {
        for (even, steps) in [(false, 1), (false, 4), (true, 1), (true, 28)] {
            let keys = FlowKeys { even, shift: 3.0, ..FlowKeys::default() };
            for solver in [SolverKind::Euler, SolverKind::DpmSolver] {
                let (times, sigmas) = levels(&keys, 1000, solver, steps);
                assert!((times.len(), sigmas.len()) == (steps, steps) && sigmas[0] > 0.99);
                assert!(sigmas.windows(2).all(|pair| pair[0] > pair[1] && pair[1] > 0.0));
            }
        }
    }
}
