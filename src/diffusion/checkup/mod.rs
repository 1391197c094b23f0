//! Whether a model folder can do what a run asks of it: its files, its graphs' tensors, one run of
//! each, and what that costs.

mod cure;
mod files;
pub(crate) mod memory;
mod ports;
mod trial;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::DiffusionError;
use super::folder::ModelFolder;
use crate::onnx::{GraphOptions, Runtime};

/// A path as people see it: JSON has none for a name that is not UTF-8.
fn as_shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Something wrong with a model folder, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file or folder at fault.
    #[serde(serialize_with = "as_shown")]
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub cure: String,
}

/// What one graph is and cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GraphReport {
    /// The folder in the model's: `unet`, `text_encoder_2`, ….
    pub part: &'static str,
    /// Its `model.onnx`.
    #[serde(serialize_with = "as_shown")]
    pub file: PathBuf,
    /// Bytes on disk, external weights counted.
    pub bytes: u64,
    /// Its inputs with type and shape, `?` where a length is free.
    pub inputs: Vec<String>,
    /// Seconds to open it.
    pub open_seconds: f64,
    /// Seconds of its first run: the encoder and decoder on one image, a text encoder on one
    /// prompt, the UNet on both halves of classifier-free guidance. `None` if it didn't get to that.
    pub run_seconds: Option<f64>,
    /// The most bytes of host memory that the process held beyond those before the graph was opened; `None` where the
    /// system doesn't say. A card's own memory isn't seen.
    pub peak_bytes: Option<u64>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ModelReport {
    /// What kind of model it is, in words; `None` if that can't be told.
    pub kind: Option<&'static str>,
    /// Height and width of the images that were tried, in pixels.
    pub size: Option<usize>,
    /// Its graphs, as far as they could be opened.
    pub graphs: Vec<GraphReport>,
    /// All that is wrong. Empty: a run can use this model.
    pub problems: Vec<Problem>,
}

/// Checks the model in `root`, with images of `size` by `size` pixels (left out: what it was trained for). Graphs are
/// opened one after another, so that no more than two are in memory at once.
pub fn check_model(
    root: &Path,
    runtime: &Runtime,
    options: &GraphOptions,
    size: Option<usize>,
) -> ModelReport {
    let mut report = ModelReport { problems: files::check(root), ..ModelReport::default() };
    let folder = match ModelFolder::open(root) {
        Ok(folder) => folder,
        Err(error) => {
            let problem = cure::problem(root, &error);
            // The files' own check says more of a file that is not there, and says it of all.
            if !report.problems.iter().any(|known| known.file == problem.file) {
                report.problems.push(problem);
            }
            return report;
        }
    };
    report.kind = Some(kind(&folder));
    let size = size.unwrap_or(folder.default_size);
    report.size = Some(size);
    match folder.latent_shape(size) {
        Ok(shape) => trial::run(&folder, runtime, options, (size, shape), &mut report),
        Err(error) => report.fault(root, &error),
    }
    report
}

fn kind(folder: &ModelFolder) -> &'static str {
    match (&folder.text_encoder, &folder.text_encoder_2) {
        (Some(_), Some(_)) => "SDXL",
        (None, Some(_)) => "SDXL refiner",
        _ => "Stable Diffusion 1 or 2",
    }
}

impl ModelReport {
    fn fault(&mut self, root: &Path, error: &DiffusionError) {
        self.problems.push(cure::problem(root, error));
    }
}
