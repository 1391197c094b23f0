//! What a model folder lacks, all at once, and what its indices say that can't work here.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Problem;
use super::ports::Part;
use super::refused::of_unusable;
use crate::models::folder::Purpose;
use crate::models::json::read_json;
use crate::models::look::{Unusable, check_folder, look};
use crate::models::scheduler::OtherKeys;
use crate::onnx::ExternalData;

const COPY: &str = "copy it from the model's page, or export the model again (docs/models.md)";
const EXPORT: &str = "export the model: optimum-cli export onnx (docs/models.md)";

/// All files that are missing or not what they should be, in the folder's order.
pub(super) fn check(root: &Path, purpose: Purpose) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(error) = check_folder(root) {
        return vec![super::cure::problem(root, &error)];
    }
    let mut lacks = |file: &str, cure: &str| {
        let path = root.join(file);
        if let Err(unusable) = look(&path) {
            problems.push(of_unusable(&path, &unusable, cure));
        }
    };
    if purpose == Purpose::Encode {
        lacks("vae_encoder/model.onnx", EXPORT);
        lacks("vae_decoder/config.json", COPY);
        problems.extend(pointers(root, Part::VaeEncoder));
        return problems;
    }
    lacks("model_index.json", EXPORT);
    lacks("scheduler/scheduler_config.json", COPY);
    let index = json(&root.join("model_index.json")).unwrap_or_default();
    let parts: Vec<Part> = Part::ALL.into_iter().filter(|part| used(&index, *part)).collect();
    for part in &parts {
        let folder = part.folder();
        // A PyTorch model has folders of the same names, with weights of another kind.
        lacks(&format!("{folder}/model.onnx"), EXPORT);
        if *part != Part::VaeEncoder {
            lacks(&format!("{folder}/config.json"), COPY);
        }
        if let Some(tokenizer) = tokenizer(*part) {
            lacks(&format!("{tokenizer}/tokenizer_config.json"), COPY);
            if matches!(look(&root.join(tokenizer).join("tokenizer.json")), Err(Unusable::Missing))
            {
                lacks(&format!("{tokenizer}/vocab.json"), COPY);
                lacks(&format!("{tokenizer}/merges.txt"), COPY);
            }
        }
    }
    problems.extend(parts.iter().flat_map(|part| pointers(root, *part)));
    problems.extend(other_kind(root, &index));
    problems.extend(other_scheduler(root));
    problems
}

fn json(path: &Path) -> Option<Value> {
    read_json(path, "a configuration").ok()
}

/// Whether a model of this index has the part: its text encoders vary.
fn used(index: &Value, part: Part) -> bool {
    let named = |key: &str| !index[key][0].is_null();
    match part {
        Part::TextEncoder | Part::TextEncoder2 => named(part.folder()),
        _ => true,
    }
}

/// The folder of a text encoder's tokenizer.
fn tokenizer(part: Part) -> Option<&'static str> {
    match part {
        Part::TextEncoder => Some("tokenizer"),
        Part::TextEncoder2 => Some("tokenizer_2"),
        _ => None,
    }
}

/// External weights that were cloned without Git LFS.
fn pointers(root: &Path, part: Part) -> Vec<Problem> {
    let graph = root.join(part.folder()).join("model.onnx");
    let Ok(external) = ExternalData::of(&graph) else { return Vec::new() };
    let files: Vec<PathBuf> = external.paths(&graph).map(|(file, _)| file).collect();
    let pointer = |file: PathBuf| match look(&file) {
        Err(pointer @ Unusable::LfsPointer) => Some(of_unusable(&file, &pointer, EXPORT)),
        _ => None,
    };
    files.into_iter().filter_map(pointer).collect()
}

fn other_kind(root: &Path, index: &Value) -> Option<Problem> {
    let class = index["_class_name"].as_str()?;
    let known = class.contains("StableDiffusion") && !class.contains("StableDiffusion3");
    (!known).then(|| Problem {
        file: root.join("model_index.json"),
        what: format!("this is a {class}, a kind of model that this program can't run"),
        cure: "use SDXL or Stable Diffusion 1 or 2".into(),
    })
}

fn other_scheduler(root: &Path) -> Option<Problem> {
    let file = root.join("scheduler/scheduler_config.json");
    let config: OtherKeys = read_json(&file, "the scheduler's settings").ok()?;
    let class = config.other_kind()?.to_owned();
    Some(Problem {
        what: format!("its scheduler is {class}, for another kind of model than noise prediction"),
        file,
        cure: "use SDXL or Stable Diffusion 1 or 2 with its own scheduler_config.json, not a distilled or flow-matching one".into(),
    })
}
