//! From an error to what to do about it.

use std::path::{Path, PathBuf};

use super::Problem;
use crate::diffusion::error::DiffusionError;
use crate::onnx::OnnxError;

const AGAIN: &str = "export the model again (docs/models.md), or download it again";
const SAFE_VAE: &str = "export this part in float32; of SDXL's VAE there is also an fp16-safe version (docs/models.md)";

/// The problem that `error` is, of the model in `root`.
pub(super) fn problem(root: &Path, error: &DiffusionError) -> Problem {
    let problem = |file: &Path, what: String, cure: &str| Problem {
        file: file.to_path_buf(),
        what,
        cure: cure.to_owned(),
    };
    match error {
        DiffusionError::MissingFile { path, expected } => {
            problem(path, format!("it is missing: expected {expected}"), AGAIN)
        }
        DiffusionError::LfsPointer { path } => problem(
            path,
            "it is a Git LFS pointer, not the model itself".into(),
            "run `git lfs pull` in that folder",
        ),
        DiffusionError::Unreadable { path, source } => {
            problem(path, source.to_string(), "see who may read it, and whether its disk answers")
        }
        DiffusionError::Config { path, reason } => {
            problem(path, reason.clone(), config(path, reason))
        }
        DiffusionError::Tokenizer { path, reason } => problem(
            path,
            reason.clone(),
            "copy this tokenizer's files from the page of the model that the text encoder is of",
        ),
        DiffusionError::WrongGraph { path, reason } => problem(path, reason.clone(), AGAIN),
        DiffusionError::NonFinite { path, at, .. } => {
            problem(path, format!("its values are not finite {at}"), SAFE_VAE)
        }
        DiffusionError::Setting { name, reason } => {
            problem(root, format!("{name}: {reason}"), "choose another --size")
        }
        DiffusionError::Onnx(error) => onnx(root, error),
    }
}

fn config(path: &Path, reason: &str) -> &'static str {
    let scheduler = path.ends_with("scheduler/scheduler_config.json");
    if scheduler && (reason.contains("unknown variant") || reason.contains("not supported")) {
        "this program samples models that predict epsilon, v_prediction or sample on plain beta schedules: \
         use such a model, or its original scheduler_config.json"
    } else if reason.contains("in_channels") {
        "put UNet and VAE of one text-to-image model together; inpainting UNets (9 channels) are not supported"
    } else {
        "copy this file from the model's page, or export the model again (docs/models.md)"
    }
}

fn onnx(root: &Path, error: &OnnxError) -> Problem {
    let problem =
        |file: PathBuf, what: String, cure: &str| Problem { file, what, cure: cure.to_owned() };
    match error {
        OnnxError::Open { path, device, reason } => {
            let weights = path.with_extension("onnx_data");
            if lacks_weights(&weights, reason) {
                let cure = "download it beside model.onnx: the weights are in it; or export the model again";
                return problem(weights, "it is missing, and model.onnx refers to it".into(), cure);
            }
            let what = format!("it could not be opened on {device}: {}", short(reason));
            problem(path.clone(), what, open(reason))
        }
        OnnxError::Run { path, reason } => {
            problem(path.clone(), format!("running it failed: {}", short(reason)), run(reason))
        }
        OnnxError::WrongShape { path, tensor, shape, expected, .. } => problem(
            path.clone(),
            format!("its input `{tensor}` can't take the shape {shape:?}: it takes {expected}"),
            "this graph is of another model than the rest, or was exported for fixed sizes: export all again \
             without --no-dynamic-axes, or try --size",
        ),
        OnnxError::NoSuchTensor { path, .. }
        | OnnxError::MissingInput { path, .. }
        | OnnxError::UnsupportedType { path, .. } => {
            problem(path.clone(), error.to_string(), AGAIN)
        }
        other => problem(root.to_path_buf(), other.to_string(), "see `coda-pipe doctor`"),
    }
}

/// ONNX Runtime's releases say it in different words; all name the file.
fn lacks_weights(weights: &Path, reason: &str) -> bool {
    !weights.exists() && reason.contains("onnx_data")
}

fn open(reason: &str) -> &'static str {
    let lower = reason.to_lowercase();
    if lower.contains("protobuf") || lower.contains("invalid model") || lower.contains("no graph") {
        "the file is damaged or cut short: download or export it again"
    } else if lower.contains("onnx_data") || lower.contains("external") {
        "model.onnx_data is cut short or of another model.onnx: download both again"
    } else if lower.contains("opset") || lower.contains("ir_version") {
        "the graph is newer than this ONNX Runtime: install a newer one (coda-pipe doctor says which is used)"
    } else if lower.contains("memory") || lower.contains("allocat") {
        "there is too little memory: use an fp16 export or another device"
    } else {
        AGAIN
    }
}

fn run(reason: &str) -> &'static str {
    let lower = reason.to_lowercase();
    if lower.contains("alloc") || lower.contains("out of memory") {
        "there is too little memory: try a smaller --size, an fp16 export, or another device"
    } else if lower.contains("indices") || lower.contains("out of data bounds") {
        "the tokenizer gives ids that this text encoder doesn't know: it is of another model"
    } else {
        "this graph doesn't fit the other parts: export all parts of one model together (docs/models.md)"
    }
}

/// The first line; ONNX Runtime can add a page of call stack.
fn short(reason: &str) -> &str {
    reason.lines().next().unwrap_or_default()
}
