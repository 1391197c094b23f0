//! What a model was trained for, as far as its sampling depends on it: told from its folder's JSON, no graph is opened.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::family::ScaleInput;
use super::folder::{ModelFolder, SCHEDULER_CONFIG};
use super::json::{read_json_if_there, whole_if_given};
use super::noise_schedule::{Method, PredictionType, SchedulerConfig, SolverKind, TimestepSpacing};

/// Names of ways to distil a model to few steps, as words of a model's name.
const DISTILLED: [&str; 7] = ["turbo", "lightning", "hypersd", "schnell", "dmd", "dmd2", "lcm"];

/// The most steps that a word such as `4step` in a model's name tells of a distilled one.
const FEW: usize = 8;

/// What a model was trained for.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTraits {
    /// The denoiser's class in diffusers, if its configuration tells.
    pub network: Option<String>,
    /// Whether it is a rectified flow.
    pub flow: bool,
    /// Whether its folder's scheduler is FlowMatchEulerDiscrete.
    pub flow_by_euler: bool,
    /// How a model of the kind EDM is sampled.
    pub edm: Option<Method>,
    /// Whether the denoiser has the guidance scale as an input, and so no unconditional rows.
    pub embeds_scale: bool,
    /// What it was distilled to, if it makes images in few steps.
    pub few_steps: Option<FewSteps>,
}

/// What a model of few steps was distilled to.
#[derive(Debug, Clone, PartialEq)]
pub struct FewSteps {
    /// The kind.
    pub kind: Distilled,
    /// The file that tells.
    pub file: PathBuf,
    /// What in the file tells, in words.
    pub told: String,
}

/// Kinds of models of few steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distilled {
    /// SD-Turbo and SDXL-Turbo, whose own scheduler adds noise.
    Turbo,
    /// Latent consistency models.
    Consistency,
    /// Trajectory consistency models, which DDIM samples (their own scheduler without added noise).
    Trajectory,
    /// Any other.
    Other,
}

/// The keys of a configuration that tell of distillation.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Names {
    #[serde(rename = "_class_name")]
    class: Option<String>,
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    #[serde(deserialize_with = "whole_if_given")]
    time_cond_proj_dim: Option<usize>,
    guidance_embeds: Option<bool>,
}

impl ModelTraits {
    /// The traits of the model in a folder; `few_steps` says whether it is one of few steps where the folder is not to.
    pub fn of(folder: &ModelFolder, few_steps: Option<bool>) -> Self {
        let denoiser = folder.paths.part(folder.family.denoiser).join("config.json");
        // What is wrong with a file, other checks tell.
        let read = |file: &Path| read_json_if_there::<Names>(file, "names").ok().flatten();
        let own = read(&denoiser).unwrap_or_default();
        let index = folder.paths.root().join("model_index.json");
        let elsewhere = folder.paths.is_elsewhere(folder.family.denoiser);
        let whole = read(&index).filter(|_| !elsewhere).and_then(|index| index.name);
        let scheduler = (folder.paths.file(SCHEDULER_CONFIG), &folder.scheduler);
        Self {
            embeds_scale: folder.scale_input == ScaleInput::Embedded,
            ..Self::told(scheduler, (denoiser, own), (index, whole), few_steps)
        }
    }

    fn told(
        (scheduler_file, scheduler): (PathBuf, &SchedulerConfig),
        (denoiser, own): (PathBuf, Names),
        (index, name): (PathBuf, Option<String>),
        few_steps: Option<bool>,
    ) -> Self {
        let class = scheduler.others.class_name.as_deref().unwrap_or_default();
        let flow = scheduler.is_flow() || own.is_flow();
        let at = |file: &Path| {
            let file = file.to_path_buf();
            move |(kind, told)| FewSteps { kind, told, file }
        };
        // A name is the least that tells: it may be anybody's.
        let found = [
            own.inputs().map(at(&denoiser)),
            by_scheduler(scheduler).filter(|_| !flow).map(at(&scheduler_file)),
            by_name(own.name.as_deref()).map(at(&denoiser)),
            by_name(name.as_deref()).map(at(&index)),
        ];
        let found = found.into_iter().flatten().next();
        let said = || FewSteps {
            kind: Distilled::Other,
            told: "`few_steps` in [model] says so".to_owned(),
            file: denoiser.clone(),
        };
        Self {
            flow,
            flow_by_euler: class.starts_with("FlowMatch"),
            edm: scheduler.is_edm().then_some(Method {
                solver: match class {
                    "EDMEulerScheduler" => SolverKind::Euler,
                    _ => SolverKind::DpmSolver,
                },
                sigmas: scheduler.edm.sigma_schedule,
            }),
            embeds_scale: own.embeds_scale(),
            few_steps: match few_steps {
                Some(true) => found.or_else(|| Some(said())),
                Some(false) => None,
                None => found,
            },
            network: own.class,
        }
    }

    /// Whether it is a latent consistency model.
    pub fn is_consistency(&self) -> bool {
        self.few_steps.as_ref().is_some_and(|few| few.kind == Distilled::Consistency)
    }

    /// Whether the denoiser's class is that of a family.
    pub fn is_network(&self, class: &str) -> bool {
        self.network.as_deref() == Some(class)
    }
}

impl Names {
    fn is_flow(&self) -> bool {
        let flows = ["SD3Transformer2DModel", "FluxTransformer2DModel", "SanaTransformer2DModel"];
        self.class.as_deref().is_some_and(|class| flows.contains(&class))
    }

    fn embeds_scale(&self) -> bool {
        self.time_cond_proj_dim.is_some() || self.guidance_embeds == Some(true)
    }

    /// Whether the denoiser's inputs are those of a model of few steps, and which.
    fn inputs(&self) -> Option<(Distilled, String)> {
        if self.time_cond_proj_dim.is_some() {
            return Some((Distilled::Consistency, "it has time_cond_proj_dim".to_owned()));
        }
        let packed = self.class.as_deref() == Some("FluxTransformer2DModel");
        let schnell = packed && self.guidance_embeds != Some(true);
        schnell.then(|| {
            (Distilled::Other, "it has no guidance_embeds, as FLUX.1 [schnell]".to_owned())
        })
    }
}

/// Whether a scheduler's settings are those of a model of few steps. Flow matching has the same ones for all.
fn by_scheduler(scheduler: &SchedulerConfig) -> Option<(Distilled, String)> {
    let class = scheduler.others.class_name.as_deref()?;
    let trailing = scheduler.timestep_spacing == TimestepSpacing::Trailing;
    let of_noise =
        scheduler.prediction_type == PredictionType::Epsilon && !scheduler.rescale_betas_zero_snr;
    let kind = match class {
        "LCMScheduler" => Distilled::Consistency,
        "TCDScheduler" => Distilled::Trajectory,
        "EulerAncestralDiscreteScheduler" if trailing => Distilled::Turbo,
        "EulerDiscreteScheduler" if trailing && of_noise => Distilled::Other,
        _ => return None,
    };
    let spaced = match kind {
        Distilled::Turbo | Distilled::Other => " with trailing timesteps",
        Distilled::Consistency | Distilled::Trajectory => "",
    };
    Some((kind, format!("its scheduler is {class}{spaced}")))
}

/// Whether a model's name, or the path that it was saved from, tells of few steps.
fn by_name(name: Option<&str>) -> Option<(Distilled, String)> {
    let name = model_name(name?);
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let next = words.iter().skip(1).copied().chain([""]);
    let (word, _) = words.iter().zip(next).find(|(word, next)| is_distilled(word, next))?;
    let kind = if *word == "lcm" { Distilled::Consistency } else { Distilled::Other };
    Some((kind, format!("its name is {name:?}")))
}

/// Whether a word of a name tells of few steps, with the next word beside it: "hyper" alone is in many names.
fn is_distilled(word: &str, next: &str) -> bool {
    let steps = word.strip_suffix("steps").or_else(|| word.strip_suffix("step"));
    let hyper = word == "hyper" && ["sd", "flux"].iter().any(|base| next.starts_with(base));
    hyper
        || DISTILLED.contains(&word)
        || ["turbo", "lightning"].iter().any(|end| word.ends_with(end))
        || steps.and_then(|n| n.parse().ok()).is_some_and(|n: usize| (1..=FEW).contains(&n))
}

/// The model's own part of a name on the hub or of a path, also one in the hub's cache.
fn model_name(path: &str) -> &str {
    let parts = || path.split(['/', '\\']).filter(|part| !part.is_empty());
    let cached = parts().find_map(|part| part.strip_prefix("models--")?.rsplit("--").next());
    let own = |part: &&str| !["unet", "transformer"].contains(part);
    cached.or_else(|| parts().rfind(own)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::json::from_json;

    /// The traits by the JSON of scheduler and denoiser.
    fn traits(scheduler: &str, denoiser: &str, said: Option<bool>) -> ModelTraits {
        let scheduler: SchedulerConfig = from_json(scheduler.as_bytes()).unwrap();
        let names: Names = from_json(denoiser.as_bytes()).unwrap();
        let files = (PathBuf::from("s.json"), PathBuf::from("d.json"), PathBuf::from("i.json"));
        ModelTraits::told((files.0, &scheduler), (files.1, names), (files.2, None), said)
    }

    fn kind(scheduler: &str, denoiser: &str) -> Option<Distilled> {
        traits(scheduler, denoiser, None).few_steps.map(|few| few.kind)
    }

    #[test]
    fn schedulers_tell_of_few_steps() {
        let of = |class: &str, more: &str| {
            kind(&format!("{{\"_class_name\": \"{class}\"{more}}}"), "{}")
        };
        let trailing = ", \"timestep_spacing\": \"trailing\"";
        assert_eq!(of("EulerAncestralDiscreteScheduler", trailing), Some(Distilled::Turbo));
        assert_eq!(of("EulerAncestralDiscreteScheduler", ""), None);
        assert_eq!(of("EulerDiscreteScheduler", trailing), Some(Distilled::Other));
        let zero = format!("{trailing}, \"rescale_betas_zero_snr\": true");
        assert_eq!(of("EulerDiscreteScheduler", &zero), None);
        let velocity = format!("{trailing}, \"prediction_type\": \"v_prediction\"");
        assert_eq!(of("EulerDiscreteScheduler", &velocity), None);
        assert_eq!(of("LCMScheduler", ""), Some(Distilled::Consistency));
        assert_eq!(of("TCDScheduler", ""), Some(Distilled::Trajectory));
        for class in ["DDIMScheduler", "DPMSolverMultistepScheduler"] {
            assert_eq!(of(class, trailing), None, "{class}");
        }
    }

    #[test]
    fn denoisers_tell_of_few_steps_and_of_a_scale_as_an_input() {
        let ddim = "{\"_class_name\": \"DDIMScheduler\"}";
        let lcm = traits(ddim, "{\"time_cond_proj_dim\": 256}", None);
        assert!(lcm.embeds_scale && lcm.is_consistency() && !lcm.flow);
        let flow = "{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\"}";
        let flux = |embeds| {
            let config = format!(
                "{{\"_class_name\": \"FluxTransformer2DModel\", \"guidance_embeds\": {embeds}}}"
            );
            traits(flow, &config, None)
        };
        let (dev, schnell) = (flux(true), flux(false));
        assert!(dev.flow && dev.embeds_scale && dev.few_steps.is_none());
        assert!(schnell.flow && !schnell.embeds_scale && schnell.few_steps.is_some());
        assert!(dev.flow_by_euler && dev.is_network("FluxTransformer2DModel"));
    }

    #[test]
    fn names_tell_by_whole_words_of_the_models_own_name() {
        let told = |name: &str| by_name(Some(name)).is_some();
        for name in [
            "stabilityai/sdxl-turbo",
            "ByteDance/SDXL-Lightning",
            "black-forest-labs/FLUX.1-schnell",
            "/cache/models--tianweiy--DMD2/snapshots/0a1b/unet",
            "C:\\models\\sdxl_lightning_4step\\unet",
            "SimianLuo/LCM_Dreamshaper_v7",
            "Lykon/dreamshaper-xl-v2-turbo",
            "ByteDance/Hyper-SD",
            "Hyper-FLUX.1-dev-8steps",
        ] {
            assert!(told(name), "{name}");
        }
        for name in [
            "stabilityai/stable-diffusion-xl-base-1.0",
            "/home/turbo/models/sdxl-base/unet",
            "someone/hyperrealism-xl",
            "someone/hyper-realistic-sdxl",
            "runs/25-steps",
            "lcmodel",
            "",
        ] {
            assert!(!told(name), "{name}");
        }
    }

    #[test]
    fn a_scheduler_tells_more_than_a_name() {
        let turbo = "{\"_class_name\": \"EulerAncestralDiscreteScheduler\", \"timestep_spacing\": \"trailing\"}";
        let named = "{\"_name_or_path\": \"stabilityai/sdxl-turbo\"}";
        assert_eq!(kind(turbo, named), Some(Distilled::Turbo));
        assert_eq!(kind("{}", named), Some(Distilled::Other));
        assert_eq!(
            kind("{\"_class_name\": \"LCMScheduler\"}", named),
            Some(Distilled::Consistency)
        );
    }

    #[test]
    fn the_setting_has_the_last_word() {
        let euler = "{\"_class_name\": \"EulerDiscreteScheduler\"}";
        assert!(traits(euler, "{}", Some(true)).few_steps.is_some());
        let lightning =
            "{\"_class_name\": \"EulerDiscreteScheduler\", \"timestep_spacing\": \"trailing\"}";
        assert!(traits(lightning, "{}", None).few_steps.is_some());
        assert_eq!(traits(lightning, "{}", Some(false)).few_steps, None);
    }
}
