//! From an error to what to do about it.

use std::path::{Path, PathBuf};

use super::Problem;
use super::refused;
use crate::models::error::DiffusionError;
use crate::onnx::OnnxError;

const AGAIN: &str = "export the model again (docs/models.md), or download it again";
const SAFE_VAE: &str = "export this part in float32; of SDXL's VAE there is also an fp16-safe version (docs/models.md)";

/// The problem that `error` is, of the model in `root`.
pub(super) fn problem(root: &Path, error: &DiffusionError) -> Problem {
    let problem = |file: &Path, what: String, remedy: &str| Problem {
        file: file.to_path_buf(),
        what,
        remedy: remedy.to_owned(),
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
        DiffusionError::NoFolder { path, reason } => problem(
            path,
            reason.clone(),
            "name the folder of a model that was exported with optimum-cli export onnx (docs/models.md)",
        ),
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
        DiffusionError::Png { reason } => problem(root, reason.clone(), AGAIN),
        DiffusionError::Onnx(error) => onnx(root, error),
    }
}

fn config(path: &Path, reason: &str) -> &'static str {
    let scheduler = path.ends_with("scheduler/scheduler_config.json");
    if scheduler && (reason.contains("unknown variant") || reason.contains("not supported")) {
        "this program samples models that predict epsilon, v_prediction or sample on plain beta schedules: \
         use such a model, or its original scheduler_config.json"
    } else if reason.contains("in_channels") {
        "put denoiser and VAE of one text-to-image model together; denoisers for inpainting and editing, which take more \
         channels (UNets of 9, FLUX.1 Fill and Control), are not supported"
    } else if reason.contains("not the denoiser of") {
        "put the denoiser of one model together with that model's other parts ([model] unet or transformer names it alone)"
    } else {
        "copy this file from the model's page, or export the model again (docs/models.md)"
    }
}

fn onnx(root: &Path, error: &OnnxError) -> Problem {
    let problem = |file: PathBuf, what: String, remedy: &str| Problem {
        file,
        what,
        remedy: remedy.to_owned(),
    };
    match error {
        OnnxError::Open { path, device, refusal, reason } => {
            // What the files themselves show needs no words of ONNX Runtime's.
            refused::by_files(path).unwrap_or_else(|| {
                let what = format!("it could not be opened on {device}: {}", short(reason));
                problem(path.clone(), what, refused::by_words(*refusal, reason))
            })
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

/// The first line, without the function in ONNX Runtime's own sources; it can add a page of call stack.
fn short(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    match (line.find("/onnxruntime_src/"), line.rfind(") ")) {
        (Some(from), Some(to)) if from < to => {
            format!("{} {}", line[..from].trim(), &line[to + 2..])
        }
        _ => line.to_owned(),
    }
}
