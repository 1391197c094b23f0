//! What a model folder lacks, all at once, and what its indices say that can't work here.

use std::path::PathBuf;

use serde::Deserialize;

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
use crate::models::noise_schedule::OtherKeys;
use crate::onnx::ExternalData;

const COPY: &str = "copy it from the model's page, or export the model again (docs/models.md)";
const WHOLE: &str = "transformers' fast tokenizer saves it, also from spiece.model or tokenizer.model alone: \
    AutoTokenizer.from_pretrained(\"MODEL\", subfolder=\"TOKENIZER\").save_pretrained(\"TOKENIZER\") in Python";
const LCM_SCHEDULER: &str = "LCMScheduler";
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
        lacks(&format!("{folder}/model.onnx"), EXPORT);
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
    let config: Kind = read_json(&file, "the scheduler's settings").ok()?;
    let trained_by = match family.training {
        Training::Flow if !config.is_flow() => "noise prediction",
        Training::Diffusion if config.is_flow() => "rectified flow",
        Training::Diffusion if config.others.other_kind()? == LCM_SCHEDULER => return None,
        Training::Diffusion => "another kind of model than noise prediction",
        Training::Flow => return None,
    };
    let class = config.others.class_name.as_deref().unwrap_or("none that it names");
    Some(Problem {
        what: format!("its scheduler is {class}, for {trained_by}"),
        file,
        remedy: format!(
            "use {} with its own scheduler_config.json: {}",
            family.name,
            match family.training {
                Training::Flow => "one of flow matching, such as FlowMatchEulerDiscreteScheduler",
                Training::Diffusion => "not one of a distilled or flow-matching model",
            }
        ),
    })
}

/// What tells the kind of a scheduler.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    prediction_type: Option<String>,
    #[serde(default)]
    use_flow_sigmas: bool,
    #[serde(flatten)]
    others: OtherKeys,
}

impl Kind {
    fn is_flow(&self) -> bool {
        let class = self.others.class_name.as_deref().unwrap_or_default();
        class.starts_with("FlowMatch")
            || self.use_flow_sigmas
            || self.prediction_type.as_deref() == Some("flow_prediction")
    }
}
