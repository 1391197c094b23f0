//! `coda-pipe doctor`.

use super::components::{few_steps, model_paths};
use super::doctor_model;
use super::exit::{Exit, UsageError};
use crate::config::Pipeline;
use crate::models::{ModelFolder, Purpose, local_paths};
use crate::onnx::{Device, DeviceChoice, Runtime, Search, any_card, card_names};
use crate::pipeline::model_source::fetch_models;
use crate::pipeline::sampling::pairing_of;
use crate::store::{existing, free_bytes};
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Check ONNX Runtime, GPU, threads and disk, and name the remedy of each problem.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// A pipeline file; its devices, model and run directory are checked
    pipeline: Option<PathBuf>,
    /// Also check this model folder, or repository on the hub (hf://OWNER/NAME): files, tensors of each graph, and one timed run of each graph
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Take a component of the model from another folder, as a pipeline file does: model.vae=DIR, model.unet=DIR, …; or
    /// override a setting of the pipeline file; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Height and width in pixels for the model's test run [default: the model's training size]
    #[arg(long, value_name = "PIXELS", requires = "model")]
    size: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Prints the findings; exits with 1 if a run can't work.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let (checked, said, others) = match &self.model {
            Some(folder) => {
                let (said, others) = few_steps(&self.sets)?;
                let (paths, others) = model_paths(folder, &others)?;
                (Some(local_paths(&paths, Purpose::Generate)?), said, others)
            }
            None => (None, None, self.sets.clone()),
        };
        if let (None, Some(set)) = (&self.pipeline, others.first()) {
            let text = format!(
                "--set {set} is of a pipeline file: name the file, or the model by --model"
            );
            return Err(UsageError(text).into());
        }
        let mut pipeline =
            self.pipeline.as_deref().map(|p| Pipeline::load(p, &others)).transpose()?;
        if let (None, Some(pipeline)) = (&checked, &mut pipeline) {
            fetch_models(pipeline, Purpose::Generate)?;
        }
        let of_pipeline = pipeline.as_ref().map(|pipeline| pipeline.model.paths());
        let checked = checked.or(of_pipeline);
        let search = Search {
            setting: pipeline.as_ref().and_then(|p| p.runtime.library.clone()),
            pipeline_folder: self.pipeline.as_ref().and_then(|p| p.parent().map(Path::to_owned)),
        };
        let devices = pipeline.as_ref().map_or(DeviceChoice::Auto, |p| p.runtime.devices.clone());
        let mut problems = Vec::new();
        let (library, found) = library(&search, &devices, &mut problems);
        let size = self.size.or_else(|| pipeline.as_ref().and_then(|p| p.generate.size));
        if let (Some(pipeline), Some(said)) = (&mut pipeline, said) {
            pipeline.model.few_steps = Some(said);
        }
        let said = pipeline.as_ref().map_or(said, |pipeline| pipeline.model.few_steps);
        let mut model = checked.as_ref().zip(found).map(|(paths, (runtime, device))| {
            doctor_model::check(paths, &runtime, device, (size, said))
        });
        if let (Some(pipeline), Some(paths), Some(model)) = (&pipeline, &checked, &mut model)
            && let Ok(folder) = ModelFolder::open_for(paths, Purpose::Generate)
        {
            let pairing = pairing_of(pipeline, &folder);
            model.problems.extend(pairing.problems);
            model.cautions.extend(pairing.cautions);
        }
        let run_dir = pipeline.as_ref().map_or_else(|| PathBuf::from("."), Pipeline::run_dir);
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "onnxruntime": library,
            "gpus": card_names(),
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
            "disk": disk(&run_dir),
            "problems": problems,
            "model": model,
        });
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{report:#}")?;
        } else {
            print(&mut out, &report)?;
            if let (Some(paths), Some(model)) = (&checked, &model) {
                doctor_model::print(&mut out, paths.root(), model)?;
            }
        }
        let sound = problems.is_empty() && model.is_none_or(|model| model.problems.is_empty());
        Ok(if sound { Exit::Done } else { Exit::Failed })
    }
}

/// Finds ONNX Runtime, shows where it lies, and adds what is wrong with it to `problems`.
fn library(
    search: &Search,
    devices: &DeviceChoice,
    problems: &mut Vec<String>,
) -> (Value, Option<(Runtime, Device)>) {
    let runtime = match Runtime::load(search) {
        Ok(runtime) => runtime,
        Err(error) => {
            problems.push(error.to_string());
            return (Value::Null, None);
        }
    };
    let found = match runtime.resolve(devices) {
        Ok((devices, warning)) => {
            // A GPU that is there and not used is worth a word; none at all is not.
            problems.extend(warning.filter(|_| any_card()));
            devices
        }
        Err(error) => {
            problems.push(error.to_string());
            Vec::new()
        }
    };
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    let about = json!({
        "version": runtime.version(), "library": runtime.library().display().to_string(),
        "found_in": runtime.place().map(|place| place.to_string()),
        "providers": runtime.providers(), "devices": names, "cuda_lacks": runtime.cuda_lacks(),
    });
    (about, found.first().map(|device| (runtime, *device)))
}

/// Free space at the run directory.
fn disk(path: &Path) -> Value {
    match free_bytes(path) {
        Some(bytes) => json!({"folder": existing(path).display().to_string(), "free_bytes": bytes}),
        None => Value::Null,
    }
}

fn print(out: &mut impl Write, report: &Value) -> std::io::Result<()> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let list = |v: &Value| {
        v.as_array().map(|a| a.iter().map(text).collect::<Vec<_>>().join(", ")).unwrap_or_default()
    };
    writeln!(out, "coda-pipe     {}", text(&report["version"]))?;
    let library = &report["onnxruntime"];
    if library.is_null() {
        writeln!(out, "ONNX Runtime  not found")?;
    } else {
        let (version, path) = (text(&library["version"]), text(&library["library"]));
        writeln!(out, "ONNX Runtime  {version} ({path})")?;
        if let Some(place) = library["found_in"].as_str() {
            writeln!(out, "found in      {place}")?;
        }
        writeln!(out, "providers     {}", list(&library["providers"]))?;
        writeln!(out, "devices       {}", list(&library["devices"]))?;
        if let Some(lacks) = library["cuda_lacks"].as_str() {
            writeln!(out, "CUDA          can't be used: {lacks}")?;
        }
    }
    let gpus = list(&report["gpus"]);
    writeln!(out, "GPUs          {}", if gpus.is_empty() { "none" } else { &gpus })?;
    writeln!(out, "threads       {}", report["threads"])?;
    if let Some(free) = report["disk"]["free_bytes"].as_u64() {
        let folder = text(&report["disk"]["folder"]);
        writeln!(out, "disk          {} free in {folder}", indicatif::HumanBytes(free))?;
    }
    for problem in report["problems"].as_array().into_iter().flatten() {
        writeln!(out, "\nproblem: {}", text(problem))?;
    }
    Ok(())
}
