//! Keys of `scheduler_config.json` that other schedulers go by: refused where they would change images, told where only
//! another method looks at them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Method, Sigmas, SolverKind, TimestepSpacing};

/// Schedulers whose models are sampled here. Of those that predict noise, settings written for one serve any other. What a
/// class of another name was made for is not known here.
const KNOWN: [&str; 23] = [
    "DDIMScheduler",
    "DDIMParallelScheduler",
    "DDIMInverseScheduler",
    "DDPMScheduler",
    "DDPMParallelScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverMultistepInverseScheduler",
    "DPMSolverSinglestepScheduler",
    "DPMSolverSDEScheduler",
    "DEISMultistepScheduler",
    "SASolverScheduler",
    "UniPCMultistepScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "EDMEulerScheduler",
    "EDMDPMSolverMultistepScheduler",
    "LCMScheduler",
];

/// Those keys; absent where none of a kind.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct OtherKeys {
    /// The scheduler that the settings were written for.
    #[serde(rename = "_class_name")]
    pub class_name: Option<String>,
    /// `"continuous"`: the UNet takes levels, not timesteps.
    pub timestep_type: Option<String>,
    /// Dynamic thresholding, of models without latents.
    pub thresholding: bool,
    /// `"learned"`, `"learned_range"`: the UNet has twice the channels.
    pub variance_type: Option<String>,
    /// DDIM and LCM: the clean sample is kept within −1 to 1.
    pub clip_sample: bool,
    /// EulerDiscrete: how levels between two timesteps are found.
    pub interpolation_type: Option<String>,
    /// Which kind of DPM-Solver.
    pub algorithm_type: Option<String>,
    /// DPM-Solver's third spacing of levels.
    pub use_lu_lambdas: bool,
    /// DPM-Solver: where plain levels are cut off.
    pub lambda_min_clipped: Option<Value>,
}

/// A key with its value, and the methods that heed it.
type Ignored = (String, fn(Method) -> bool);

impl OtherKeys {
    /// Whether the scheduler's class begins so.
    pub(super) fn class_begins(&self, start: &str) -> bool {
        self.class_name.as_deref().is_some_and(|class| class.starts_with(start))
    }

    /// The scheduler's class, if its models are not sampled here.
    pub fn other_kind(&self) -> Option<&str> {
        let class = self.class_name.as_deref()?;
        (!KNOWN.contains(&class)).then_some(class)
    }

    /// Whether they are those of models that make an image in a few steps without guidance (SD-Turbo, SDXL-Turbo).
    pub fn few_steps(&self, spacing: TimestepSpacing) -> bool {
        let class = self.class_name.as_deref();
        class == Some("EulerAncestralDiscreteScheduler") && spacing == TimestepSpacing::Trailing
    }

    /// Refuses what no method here can do.
    pub(super) fn check(&self) -> Result<(), String> {
        let text = |value: &Option<String>, fine: &[&str]| {
            value.clone().filter(|value| !fine.contains(&value.as_str()))
        };
        let on = |set: bool| set.then(|| "true".to_owned());
        let refused = [
            ("timestep_type", text(&self.timestep_type, &["discrete"])),
            ("thresholding", on(self.thresholding)),
            (
                "variance_type",
                self.variance_type.clone().filter(|kind| kind.starts_with("learned")),
            ),
        ];
        match refused.into_iter().find_map(|(key, value)| Some((key, value?))) {
            Some((key, value)) => Err(format!("{key} {value} is not supported")),
            None => Ok(()),
        }
    }

    /// Refuses what `method` would have to heed and can't.
    pub(super) fn check_for(&self, method: Method) -> Result<(), String> {
        match self.ignored().into_iter().find(|(_, heeds)| heeds(method)) {
            Some((what, _)) => {
                Err(format!("{what} is not supported with this scheduler and sigmas"))
            }
            None => Ok(()),
        }
    }

    /// What is passed over with `method`, in sentences.
    pub(super) fn set_aside(&self, method: Method) -> Vec<String> {
        let ignored = self.ignored().into_iter().filter(|(_, heeds)| !heeds(method));
        ignored
            .map(|(what, _)| format!("{what} has no effect with this scheduler and sigmas"))
            .collect()
    }

    /// What is given and not done here, and the methods that would heed it.
    fn ignored(&self) -> Vec<Ignored> {
        let mut found: Vec<Ignored> = Vec::new();
        if self.clip_sample {
            let heeds = |m: Method| matches!(m.solver, SolverKind::Ddim | SolverKind::Lcm);
            found.push(("clip_sample true".into(), heeds));
        }
        if let Some(kind) = self.interpolation_type.as_ref().filter(|kind| *kind != "linear") {
            let heeds = |m: Method| m.solver == SolverKind::Euler && m.sigmas == Sigmas::Plain;
            found.push((format!("interpolation_type {kind}"), heeds));
        }
        if self.use_lu_lambdas {
            found.push(("use_lu_lambdas true".into(), |_| false));
        }
        // −∞, which is the default, is no number in JSON.
        if let Some(clipped) = self.lambda_min_clipped.as_ref().filter(|value| value.is_number()) {
            let heeds = |m: Method| m.solver == SolverKind::DpmSolver && m.sigmas == Sigmas::Plain;
            found.push((format!("lambda_min_clipped {clipped}"), heeds));
        }
        let kind = self.algorithm_type.as_deref();
        if let Some(kind) = kind.filter(|kind| !["dpmsolver++", "deis"].contains(kind)) {
            found.push((format!("algorithm_type {kind}"), |_| false));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::json::from_json;
    use crate::models::noise_schedule::SchedulerConfig;

    fn config(text: &str) -> SchedulerConfig {
        from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_that_change_images_are_refused_by_name() {
        for (text, key) in [
            (r#"{"use_flow_sigmas": true}"#, "use_flow_sigmas"),
            (r#"{"timestep_type": "continuous"}"#, "timestep_type"),
            (r#"{"sigma_min": 0.002}"#, "sigma_min"),
            (r#"{"sigma_max": 120}"#, "sigma_max"),
            (r#"{"thresholding": true}"#, "thresholding"),
            (r#"{"variance_type": "learned_range"}"#, "variance_type"),
            (r#"{"use_beta_sigmas": true}"#, "use_beta_sigmas"),
        ] {
            let error = config(text).check().unwrap_err();
            assert!(error.starts_with(key) && error.contains("not supported"), "{error}");
        }
        let plain = r#"{"_class_name": "X", "use_flow_sigmas": false, "timestep_type": "discrete", "sigma_min": null,
                        "thresholding": false, "variance_type": "fixed_small", "lambda_min_clipped": -Infinity}"#;
        assert_eq!(config(plain).check(), Ok(()));
        assert_eq!(config(plain).set_aside(Method::default()), Vec::<String>::new());
    }

    #[test]
    fn what_one_method_heeds_is_refused_with_it_and_told_with_the_others() {
        let ddim = Method { solver: SolverKind::Ddim, sigmas: Sigmas::Plain };
        let plain = Method { solver: SolverKind::DpmSolver, sigmas: Sigmas::Plain };
        for (text, method) in [
            (r#"{"clip_sample": true}"#, ddim),
            (r#"{"interpolation_type": "log_linear"}"#, Method::EULER),
            (r#"{"lambda_min_clipped": -5.1}"#, plain),
        ] {
            let key = text.split('"').nth(1).unwrap();
            assert!(config(text).check_for(method).unwrap_err().contains(key));
            let told = config(text).set_aside(Method::default());
            assert!(config(text).check_for(Method::default()).is_ok());
            assert!(told.len() == 1 && told[0].starts_with(key), "{told:?}");
        }
        let sde = config(r#"{"algorithm_type": "sde-dpmsolver++"}"#).set_aside(Method::default());
        assert!(sde[0].contains("sde-dpmsolver++"), "{sde:?}");
    }

    #[test]
    fn schedulers_of_other_kinds_of_model_are_known_by_name() {
        let kind = |class: &str| {
            config(&format!(r#"{{"_class_name": "{class}"}}"#)).others.other_kind().is_some()
        };
        for class in [
            "FlowMatchHeunDiscreteScheduler",
            "FlowMatchLCMScheduler",
            "TCDScheduler",
            "SCMScheduler",
        ] {
            assert!(kind(class), "{class}");
        }
        for class in [
            "UniPCMultistepScheduler",
            "DEISMultistepScheduler",
            "EulerDiscreteScheduler",
            "FlowMatchEulerDiscreteScheduler",
            "EDMEulerScheduler",
            "LCMScheduler",
        ] {
            assert!(!kind(class), "{class}");
        }
    }
}
