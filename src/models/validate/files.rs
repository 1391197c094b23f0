//! What a model folder lacks, all at once, and what its indices say that can't work here.

use std::path::PathBuf;

use super::Problem;
use super::kind;
use super::part::Part;
use super::refused::of_unusable;
use super::remedy;
use crate::models::components::ModelPaths;
use crate::models::family::{FAMILIES, Family, TextKind, TextRole, Training};
use crate::models::file_state::{Unusable, check_folder, look};
use crate::models::folder::{ModelIndex, Purpose, SCHEDULER_CONFIG, VAE_CONFIG};
use crate::models::json::read_json;
use crate::models::noise_schedule::{PredictionType, SchedulerConfig};
use crate::onnx::ExternalData;

const COPY: &str = "copy it from the model's page, or export the model again (docs/models.md)";
const WHOLE: &str = "transformers' fast tokenizer saves it, also from spiece.model or tokenizer.model alone: \
    AutoTokenizer.from_pretrained(\"MODEL\", subfolder=\"TOKENIZER\").save_pretrained(\"TOKENIZER\") in Python";
const WITHOUT: &str = "export the model (docs/models.md), or go without: write [null, null] for it in model_index.json, and \
    for its tokenizer";
const DIFFUSION: &str = "of a model that predicts epsilon, v_prediction or sample, not a distilled or flow-matching one";
const EXPORT: &str = "export the model: optimum-cli export onnx (docs/models.md)";

/// All files that are missing or not what they should be, in the folder's order.
pub(super) fn check(paths: &ModelPaths, purpose: Purpose) -> Vec<Problem> {
    let (mut problems, root) = (Vec::new(), paths.root());
    for folder in std::iter::once(root).chain(paths.folders_elsewhere()) {
        if let Err(error) = check_folder(folder) {
            return vec![remedy::problem(folder, &error)];
        }
    }
    let mut lacks = |file: &str, remedy: &str| {
        let path = paths.file(file);
        if let Err(unusable) = look(&path) {
            problems.push(of_unusable(&path, &unusable, remedy));
        }
    };
    if purpose == Purpose::Encode {
        lacks("vae_encoder/model.onnx", EXPORT);
        lacks(VAE_CONFIG, COPY);
        problems.extend(pointers(paths, Part::VaeEncoder));
        return problems;
    }
    lacks("model_index.json", EXPORT);
    let index = ModelIndex::read(root).unwrap_or_default();
    let kind = kind::problem(paths, &index);
    if kind.is_some() {
        // What is missing of a model of another kind is nothing that could be mended.
        problems.extend(kind);
        return problems;
    }
    lacks(SCHEDULER_CONFIG, COPY);
    let parts = parts(&index);
    for part in &parts {
        let folder = part.folder();
        // A PyTorch model has folders of the same names, with weights of another kind.
        let optional = matches!(part, Part::Text(TextRole { optional: true, .. }));
        lacks(&format!("{folder}/model.onnx"), if optional { WITHOUT } else { EXPORT });
        if *part != Part::VaeEncoder {
            lacks(&format!("{folder}/config.json"), COPY);
        }
        if let Part::Text(TextRole { tokenizer, kind, .. }) = part {
            lacks(&format!("{tokenizer}/tokenizer_config.json"), COPY);
            let whole = look(&paths.part(tokenizer).join("tokenizer.json"));
            match (kind, whole) {
                (TextKind::Clip, Err(Unusable::Missing)) => {
                    lacks(&format!("{tokenizer}/vocab.json"), COPY);
                    lacks(&format!("{tokenizer}/merges.txt"), COPY);
                }
                (TextKind::T5 { .. } | TextKind::Gemma { .. }, Err(Unusable::Missing)) => {
                    lacks(&format!("{tokenizer}/tokenizer.json"), WHOLE);
                }
                _ => {}
            }
        }
    }
    problems.extend(parts.iter().flat_map(|part| pointers(paths, *part)));
    problems.extend(index.family().and_then(|family| other_scheduler(paths, family)));
    problems
}

/// The parts of a model by its index.
fn parts(index: &ModelIndex) -> Vec<Part> {
    let Some(family) = index.family() else {
        return vec![Part::Denoiser(&FAMILIES[0]), Part::VaeEncoder, Part::VaeDecoder];
    };
    let of_model = |part: &Part| match part {
        Part::Text(role) => !role.optional || index.names(role.folder),
        _ => true,
    };
    Part::all_of(family).into_iter().filter(of_model).collect()
}

/// External weights that were cloned without Git LFS.
fn pointers(paths: &ModelPaths, part: Part) -> Vec<Problem> {
    let graph = paths.part(part.folder()).join("model.onnx");
    let Ok(external) = ExternalData::of(&graph) else { return Vec::new() };
    let files: Vec<PathBuf> = external.paths(&graph).map(|(file, _)| file).collect();
    let pointer = |file: PathBuf| match look(&file) {
        Err(pointer @ Unusable::LfsPointer) => Some(of_unusable(&file, &pointer, EXPORT)),
        _ => None,
    };
    files.into_iter().filter_map(pointer).collect()
}

/// A scheduler of another kind of model.
fn other_scheduler(paths: &ModelPaths, family: &Family) -> Option<Problem> {
    let file = paths.file(SCHEDULER_CONFIG);
    let config: SchedulerConfig = read_json(&file, "the scheduler's settings").ok()?;
    let (name, flow) = (family.name, flow(&config));
    let class = config.others.class_name.as_deref().unwrap_or("none that it names");
    let (of, right) = match (family.training, flow) {
        (Training::Flow, Some(_)) => return None,
        (Training::Flow, None) => (
            format!(
                "its scheduler is {class}, of noise prediction, which is not supported with {name}"
            ),
            "one of flow matching, such as FlowMatchEulerDiscreteScheduler",
        ),
        (Training::Diffusion, Some(by)) => (
            format!(
                "its scheduler is {class} ({by}), of a rectified flow, which is not supported with {name}"
            ),
            DIFFUSION,
        ),
        (Training::Diffusion, None) => {
            let other = config.others.other_kind()?;
            (
                format!(
                    "its scheduler is {other}, for another kind of model than noise prediction"
                ),
                DIFFUSION,
            )
        }
    };
    let remedy = format!("use {name} with its own scheduler_config.json: {right}");
    Some(Problem { file, what: of, remedy })
}

/// What says that a scheduler is a rectified flow's, if it is.
fn flow(config: &SchedulerConfig) -> Option<&'static str> {
    if config.flow.use_flow_sigmas {
        return Some("use_flow_sigmas true");
    }
    if config.prediction_type == PredictionType::FlowPrediction {
        return Some("prediction_type flow_prediction");
    }
    config.is_flow().then_some("flow matching")
}
