//! What a model folder lacks, all at once, and what its indices say that can't work here.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::Problem;
use super::ports::Part;
use crate::diffusion::folder::Purpose;
use crate::diffusion::json::{LFS_HEADER, read_json};
use crate::diffusion::scheduler::OtherKeys;

const COPY: &str = "copy it from the model's page, or export the model again (docs/models.md)";
const EXPORT: &str = "export the model: optimum-cli export onnx (docs/models.md)";

/// All files that are missing or not what they should be, in the folder's order.
pub(super) fn check(root: &Path, purpose: Purpose) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut lacks = |file: &str, cure: &str| {
        let path = root.join(file);
        if !path.is_file() {
            let problem = Problem { file: path, what: "it is missing".into(), cure: cure.into() };
            problems.push(problem);
        }
    };
    if purpose == Purpose::Encode {
        lacks("vae_encoder/model.onnx", EXPORT);
        lacks("vae_decoder/config.json", COPY);
        problems.extend(pointer(root, Part::VaeEncoder));
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
            if !root.join(tokenizer).join("tokenizer.json").is_file() {
                lacks(&format!("{tokenizer}/vocab.json"), COPY);
                lacks(&format!("{tokenizer}/merges.txt"), COPY);
            }
        }
    }
    problems.extend(parts.iter().filter_map(|part| pointer(root, *part)));
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
fn pointer(root: &Path, part: Part) -> Option<Problem> {
    let file = root.join(part.folder()).join("model.onnx_data");
    let mut header = Vec::new();
    let opened = std::fs::File::open(&file).ok()?;
    opened.take(LFS_HEADER.len() as u64).read_to_end(&mut header).ok()?;
    (header == LFS_HEADER).then(|| Problem {
        file,
        what: "it is a Git LFS pointer, not the weights themselves".into(),
        cure: "run `git lfs pull` in that folder".into(),
    })
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
