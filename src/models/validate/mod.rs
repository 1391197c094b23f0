//! Whether a model folder can do what a run asks of it: its files, its graphs' tensors, one run of
//! each, and what that costs.

mod cautions;
mod denoiser_inputs;
mod files;
mod kernels;
mod kind;
pub(crate) mod memory;
mod mismatch;
mod part;
mod ports;
mod refiner;
mod refused;
mod remedy;
mod sampled;
mod trial;
pub(crate) mod unopened;
mod wanted;
mod widths;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::components::ModelPaths;
use super::error::DiffusionError;
use super::folder::{ModelFolder, Purpose};
use super::noise_schedule::Method;
use super::traits::ModelTraits;
use crate::onnx::{GraphOptions, Runtime};

pub use cautions::cautions;
pub use kernels::{needs_card, refuse_on_cpu};
pub use refiner::refiner_fault;
pub use sampled::{Pairing, pairing};
pub use unopened::problems;

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
    /// What to do; JSON has it as `cure`.
    #[serde(rename = "cure")]
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}\n   remedy: {}", self.file.display(), self.what, self.remedy)
    }
}

/// A model that a run can't use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model in {} can't be used:{}", root.display(), listed(problems))]
pub struct Unusable {
    /// Its folder.
    pub root: PathBuf,
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\nproblem: {problem}")).collect()
}

/// Refuses `model` if `doctor --model` would, as far as that can be told without opening a graph.
///
/// # Errors
/// All that is wrong.
pub fn refuse(
    model: impl Into<ModelPaths>,
    purpose: Purpose,
    method: Method,
) -> Result<(), Unusable> {
    let paths = model.into();
    let problems = problems(&paths, purpose, method);
    let root = paths.root().to_path_buf();
    if problems.is_empty() { Ok(()) } else { Err(Unusable { root, problems }) }
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
    /// In what way the graph is used otherwise than it stands in the file, in a sentence.
    pub note: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ModelReport {
    /// What kind of model it is, in words; `None` if that can't be told.
    pub kind: Option<&'static str>,
    /// Height and width of the images that were tried, in pixels.
    pub size: Option<usize>,
    /// How the model is sampled where a pipeline doesn't say, in words.
    pub sampling: Option<String>,
    /// Its graphs, as far as they could be opened.
    pub graphs: Vec<GraphReport>,
    /// All that is wrong. Empty: a run can use this model.
    pub problems: Vec<Problem>,
    /// What to know of a model that can be used.
    pub cautions: Vec<String>,
}

/// Checks `model`, with images of `size` by `size` pixels (left out: what it was trained for). Graphs are
/// opened one after another, so that no more than two are in memory at once. `few_steps` says whether it is a model of few
/// steps where its folder is not to.
pub fn check_model(
    model: impl Into<ModelPaths>,
    runtime: &Runtime,
    options: &GraphOptions,
    (size, few_steps): (Option<usize>, Option<bool>),
) -> ModelReport {
    let paths = model.into();
    let folder = ModelFolder::open_for(&paths, Purpose::Generate).ok();
    let traits = folder.as_ref().map(|folder| ModelTraits::of(folder, few_steps));
    let own = traits.as_ref().map(|traits| traits.own_sampling(false));
    let method = own.map_or(Method::default(), |own| own.method);
    let problems = problems(&paths, Purpose::Generate, method);
    let mut report = ModelReport { problems, ..ModelReport::default() };
    // Why it can't be read is among the problems.
    let Some(folder) = folder else { return report };
    report.kind = Some(folder.family.name);
    report.sampling = traits.zip(own).map(|(traits, own)| traits.in_words(&own));
    report.cautions = cautions(&folder, method, None);
    let Some(size) = size.or(folder.default_size) else {
        let what = "it has no sample_size, the side of the images that the model is for".to_owned();
        let file = folder.denoiser.with_file_name("config.json");
        let remedy = "say it with --size, and in a pipeline with [generate] size".to_owned();
        report.problems.push(Problem { file, what, remedy });
        return report;
    };
    report.size = Some(size);
    match folder.latent_shape(size) {
        Ok(shape) => trial::run(&folder, runtime, options, (size, shape), &mut report),
        Err(error) => report.fault(paths.root(), &error),
    }
    report
}

impl ModelReport {
    fn fault(&mut self, root: &Path, error: &DiffusionError) {
        let problem = remedy::problem(root, error);
        // The files' own check said it already of one that can't be read.
        let of_file = matches!(
            error,
            DiffusionError::MissingFile { .. }
                | DiffusionError::Unreadable { .. }
                | DiffusionError::LfsPointer { .. }
        );
        let again =
            |known: &Problem| known.file == problem.file && (of_file || known.what == problem.what);
        if !self.problems.iter().any(again) {
            self.add(problem);
        }
    }

    /// Adds what was not said already: without opening a graph, or of a file that can't be opened for that reason.
    fn add(&mut self, problem: Problem) {
        let beside = |known: &Problem| {
            let opened = problem.what.starts_with("it could not be opened");
            opened && known.file.parent() == problem.file.parent()
        };
        // In more words, perhaps.
        let said =
            |known: &Problem| known.file == problem.file && problem.what.starts_with(&known.what);
        if !self.problems.iter().any(|known| said(known) || beside(known)) {
            self.problems.push(problem);
        }
    }
}
