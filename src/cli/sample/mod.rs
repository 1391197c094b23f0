//! `coda-pipe sample`.

mod files;
mod variants;

use super::components::{few_steps, model_paths};
use super::exit::{Exit, UsageError};
use super::whole_file::write_whole;
use crate::imaging::{RgbImage, SheetLayout, contact_sheet, encode_png};
use crate::models::guidance::{ClassAnchors, GuidanceSchedule};
use crate::models::noise::Noise;
use crate::models::noise_schedule::{Method, Sigmas, SolverKind};
use crate::models::validate::Unusable;
use crate::models::{
    Generated, Generator, Job, ModelFolder, ModelPaths, ModelTraits, PromptEmbedding, PromptTokens,
    Purpose, Sampling, local_model, local_paths, validate,
};
use crate::onnx::{Device, DeviceChoice, GraphOptions, Runtime, Search};
use clap::Args;
use files::{read_anchor, read_latents, write_trace};
use std::path::PathBuf;
use std::time::Instant;

/// Images in a row of the contact sheet.
const COLUMNS: usize = 10;

/// Generate one image, to try settings before a long run. The defaults are those of a pipeline.
#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// The model folder, as optimum exports it, or a repository on the hub: hf://OWNER/NAME[@REVISION]
    model: PathBuf,
    /// The prompt: what the image shows
    #[arg(long)]
    prompt: String,
    /// The negative prompt: what the image avoids
    #[arg(long, default_value = "")]
    negative_prompt: String,
    /// Guide the image towards an image file, or towards a latent in FILE.safetensors#TENSOR or FILE.npy
    #[arg(long, value_name = "FILE")]
    anchor: Option<String>,
    /// Read the initial noise (unit variance) from FILE.safetensors#TENSOR or FILE.npy, in place of --seed
    #[arg(long, value_name = "FILE")]
    latents: Option<String>,
    /// Height and width in pixels [default: the model's training size]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Denoising steps [default: the model's own: 25 of SD and SDXL, 4 of models of few steps]
    #[arg(long, value_parser = positive)]
    steps: Option<usize>,
    /// Guide as a pipeline file says: guidance=PRESET, guidance.TERM.key=VALUE (docs/guidance.md); or take a component of
    /// the model from another folder: model.KEY=DIR (docs/models.md); or say whether the model is one of few steps:
    /// model.few_steps=BOOL; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Take the image autoencoder from another folder
    #[arg(long, value_name = "DIR")]
    vae: Option<PathBuf>,
    /// Take the denoiser from another folder
    #[arg(long, value_name = "DIR")]
    unet: Option<PathBuf>,
    /// Alignment scale γ of the published pull [default: 0.05]
    #[arg(long, value_parser = not_negative)]
    gamma: Option<f64>,
    /// Share of the steps with the published pull [default: 1]
    #[arg(long)]
    guidance_fraction: Option<f64>,
    /// Guidance scale w [default: the model's own: 2, or 5 with the published pull; 1 of models of few steps]
    #[arg(long, value_parser = not_negative)]
    cfg: Option<f64>,
    /// Guide without classifier within these shares of the steps alone: 0.2,0.8
    #[arg(long, value_name = "FROM,TO")]
    cfg_interval: Option<String>,
    /// Share of guidance rescale
    #[arg(long, default_value_t = 0.0)]
    guidance_rescale: f64,
    /// Weighting of γ over the steps: scaled, sigma or flat [default: scaled]
    #[arg(long, value_parser = by_name::<GuidanceSchedule>)]
    schedule: Option<GuidanceSchedule>,
    /// The solver: dpm++, euler, euler-ancestral, ddim or lcm [default: the model's own]
    #[arg(long, value_parser = by_name::<SolverKind>)]
    scheduler: Option<SolverKind>,
    /// Noise levels: karras, exponential or plain [default: the model's own]
    #[arg(long, value_parser = by_name::<Sigmas>)]
    sigmas: Option<Sigmas>,
    /// The refiner's folder
    #[arg(long, value_name = "DIR", requires = "denoising_factor")]
    refiner: Option<PathBuf>,
    /// Share of denoising done by the base model; the refiner does the rest
    #[arg(long, requires = "refiner")]
    denoising_factor: Option<f64>,
    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Random generator of the noise: native, torch-cpu or torch-cuda
    #[arg(long, value_parser = by_name::<Noise>, default_value = "native")]
    noise: Noise,
    /// Try several values of a setting on one contact sheet: gamma=0,0.05,0.1 (or cfg, steps, seed, guidance-fraction,
    /// guidance, guidance.TERM.key)
    #[arg(long, value_name = "KEY=VALUES", conflicts_with = "trace")]
    sweep: Option<String>,
    /// Generate this many images on one contact sheet, with the seeds from --seed on
    #[arg(long, default_value_t = 1, value_parser = positive, conflicts_with_all = ["trace", "sweep", "latents"])]
    count: usize,
    /// Images denoised at once
    #[arg(long, default_value_t = 1, value_parser = positive)]
    batch: usize,
    /// The PNG file to write
    #[arg(long, value_name = "FILE", default_value = "sample.png")]
    out: PathBuf,
    /// Also write the tensors of every step: initial_latents, noise_pred, sample, clean (the guided clean-latent estimate),
    /// share.TERM (how far a term moved it), rows (denoiser rows of each step), final_latents, image_u8
    #[arg(long, value_name = "FILE.safetensors")]
    trace: Option<PathBuf>,
    /// Device: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// CPU threads of the model; 0 lets ONNX Runtime choose
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// Parses a choice by its name in a pipeline file.
fn by_name<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|e| e.to_string())
}

/// Parses a number of at least one.
fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse::<usize>().map_err(|error| error.to_string())?;
    if number > 0 { Ok(number) } else { Err("must be at least 1".to_owned()) }
}

/// Parses a number of at least zero.
fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    if number >= 0.0 { Ok(number) } else { Err("must be 0 or more".to_owned()) }
}

/// The opened models.
struct Models {
    base: Generator,
    refiner: Option<Generator>,
}

/// The inputs of an image beside the settings.
struct Start {
    anchor: Option<Vec<f32>>,
    latents: Option<Vec<f32>>,
    /// The anchor as the whole class, for terms that look at a class.
    class: Option<ClassAnchors>,
}

impl Start {
    fn job<'a>(
        &'a self,
        (prompt, negative): (&'a PromptEmbedding, &'a PromptEmbedding),
        noise: &'a [f32],
        seed: u64,
    ) -> Job<'a> {
        let (anchor, class) = (self.anchor.as_deref(), self.class.as_ref());
        Job { anchor, class, seed, ..Job::new(prompt, negative, noise) }
    }
}

impl Sample {
    /// Generates the image.
    pub(crate) fn run(mut self) -> anyhow::Result<Exit> {
        self.refuse_other_formats()?;
        let (components, few_steps) = self.components()?;
        let model = local_paths(&components, Purpose::Generate)?;
        if let Some(refiner) = &mut self.refiner {
            *refiner = local_model(refiner, Purpose::Generate)?;
        }
        let opened = ModelFolder::open_for(&model, Purpose::Generate);
        let traits = opened.as_ref().ok().map(|folder| ModelTraits::of(folder, few_steps));
        validate::refuse(&model, Purpose::Generate, self.method(traits.as_ref()))?;
        if let Some(refiner) = &self.refiner {
            validate::refuse(refiner, Purpose::Generate, Method::EULER)?;
        }
        let folder = opened?;
        let traits = traits.unwrap_or_else(|| ModelTraits::of(&folder, few_steps));
        let refiner = self.refiner.as_deref().map(ModelFolder::open).transpose()?;
        let size = self.size.or(folder.default_size).ok_or_else(|| {
            UsageError("the model's configuration has no image size: set --size".into())
        })?;
        let sampling = self.sampling(size, &traits)?;
        let variants = self.variants(&sampling, &traits)?;
        for (_, sampling, _) in &variants {
            self.refuse_wrong_pairing(&folder, &traits, sampling)?;
        }
        self.warn(&folder, &traits, &sampling)?;
        let runtime = Runtime::load(&Search { setting: None, pipeline_folder: None })?;
        let (devices, warning) = runtime.resolve(&self.device)?;
        let device = devices.first().copied().unwrap_or(Device::Cpu);
        warning.into_iter().for_each(|warning| crate::say!("warning: {warning}"));
        crate::say!("ONNX Runtime {} on {device}", runtime.version());
        if device == Device::Cpu {
            validate::refuse_on_cpu(&model, Purpose::Generate)?;
            self.refiner.iter().try_for_each(|r| validate::refuse_on_cpu(r, Purpose::Generate))?;
        }
        let (most, set) = (crate::threads::cores(), self.threads);
        if set > most {
            crate::say!("warning: --threads {set} is too many for this machine: {most} are used");
        }
        // Left to itself ONNX Runtime counts the machine's cores, for which there may be no room.
        let threads =
            if set == 0 && most == crate::threads::machine() { 0 } else { set.clamp(1, most) };
        let options = GraphOptions { device, threads, spin: true, ..GraphOptions::default() };
        let shape = folder.latent_shape(size)?;
        let anchor = self.anchor.as_deref();
        let anchor = anchor.map(|a| read_anchor(a, &folder, (&runtime, &options), size));
        let anchor = anchor.transpose()?;
        let start = Start {
            class: anchor.clone().map(ClassAnchors::of_one),
            anchor,
            latents: self.latents.as_deref().map(|file| read_latents(file, shape)).transpose()?,
        };
        let load = |folder| Generator::load(folder, &runtime, &options);
        let base = load(&folder)?;
        let mut models = Models { base, refiner: refiner.as_ref().map(load).transpose()? };
        let mut images = Vec::new();
        if self.count > 1 {
            images = self.many(&mut models, &start, &sampling, shape)?;
        }
        let single = if images.is_empty() { &variants[..] } else { &[] };
        for (label, sampling, seed) in single {
            images.push(self.image(&mut models, &start, sampling, *seed, shape)?);
            if variants.len() > 1 {
                crate::say!("{label}: done");
            }
        }
        let layout =
            SheetLayout { columns: images.len().min(COLUMNS), gap: 2, background: [255; 3] };
        let sheet = if images.len() > 1 { Some(contact_sheet(&images, layout)?) } else { None };
        let image = sheet.as_ref().or(images.first());
        let image = image.ok_or_else(|| UsageError("--sweep names no value".into()))?;
        write_whole(&self.out, &encode_png(image)?)?;
        crate::say!("{}", self.out.display());
        Ok(Exit::Done)
    }

    /// The model with the components that the options name and whether it is said to be one of few steps, which are taken out
    /// of `sets`.
    fn components(&mut self) -> Result<(ModelPaths, Option<bool>), UsageError> {
        let of = |key: &str, folder: &PathBuf| format!("model.{key}={}", folder.display());
        let flags = [("vae", &self.vae), ("unet", &self.unet)];
        let flags = flags.into_iter().filter_map(|(key, folder)| Some(of(key, folder.as_ref()?)));
        let sets: Vec<String> = self.sets.iter().cloned().chain(flags).collect();
        let (few_steps, sets) = few_steps(&sets)?;
        let (model, others) = model_paths(&self.model, &sets)?;
        self.sets = others;
        Ok((model, few_steps))
    }

    /// Refuses an output name without the PNG extension: programs open images by their extension.
    fn refuse_other_formats(&self) -> Result<(), UsageError> {
        let ending = self.out.extension().map(|e| e.to_string_lossy().to_lowercase());
        match ending.filter(|ending| ending != "png") {
            None => Ok(()),
            Some(ending) => Err(UsageError(format!(
                "--out {}: the image is a PNG, not a .{ending} file: end the name in .png",
                self.out.display()
            ))),
        }
    }

    /// Refuses what the model can't be sampled by.
    fn refuse_wrong_pairing(
        &self,
        folder: &ModelFolder,
        traits: &ModelTraits,
        sampling: &Sampling,
    ) -> Result<(), Unusable> {
        let problems = validate::pairing(folder, traits, sampling, &self.negative_prompt).problems;
        let root = folder.root.clone();
        if problems.is_empty() { Ok(()) } else { Err(Unusable { root, problems }) }
    }

    /// Prints warnings about the model and the prompts before the image is generated.
    fn warn(
        &self,
        folder: &ModelFolder,
        traits: &ModelTraits,
        sampling: &Sampling,
    ) -> anyhow::Result<()> {
        let mut warnings = validate::cautions(folder, sampling.method, self.size);
        let pairing = validate::pairing(folder, traits, sampling, &self.negative_prompt);
        warnings.extend(pairing.cautions);
        let tokens = PromptTokens::open(folder)?;
        warnings.extend(tokens.warnings([("--prompt", self.prompt.clone())])?);
        warnings.extend(tokens.warnings([("--negative-prompt", self.negative_prompt.clone())])?);
        warnings.iter().for_each(|warning| crate::say!("warning: {warning}"));
        Ok(())
    }

    /// Generates `count` images in batches; also returns the seconds.
    fn many(
        &self,
        models: &mut Models,
        start: &Start,
        sampling: &Sampling,
        shape: [usize; 3],
    ) -> anyhow::Result<Vec<RgbImage>> {
        let started = Instant::now();
        let values = shape.iter().product();
        let noise: Vec<Vec<f32>> =
            (0..self.count as u64).map(|i| self.noise.values(self.seed + i, values)).collect();
        let prompt = models.base.encode_prompt(&self.prompt)?;
        let negative = models.base.encode_negative(&self.negative_prompt)?;
        let jobs: Vec<Job<'_>> = (self.seed..)
            .zip(&noise)
            .map(|(seed, n)| start.job((&prompt, &negative), n, seed))
            .collect();
        let made = match &mut models.refiner {
            None => models.base.generate(&jobs, sampling, self.batch)?,
            Some(refiner) => {
                let latents = models.base.latents(&jobs, sampling, self.batch)?;
                let prompt = refiner.encode_prompt(&self.prompt)?;
                let negative = refiner.encode_negative(&self.negative_prompt)?;
                let jobs: Vec<Job<'_>> =
                    latents.iter().map(|latent| Job::new(&prompt, &negative, latent)).collect();
                refiner.refine(&jobs, sampling, self.batch)?
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let each = 1e3 * seconds / self.count as f64;
        crate::say!("{} images in {seconds:.2} s, {each:.1} ms an image", self.count);
        made.into_iter().map(picture).collect()
    }

    fn image(
        &self,
        models: &mut Models,
        start: &Start,
        sampling: &Sampling,
        seed: u64,
        shape: [usize; 3],
    ) -> anyhow::Result<RgbImage> {
        let prompt = models.base.encode_prompt(&self.prompt)?;
        let negative = models.base.encode_negative(&self.negative_prompt)?;
        let own = || self.noise.values(seed, shape.iter().product());
        let noise = start.latents.clone().unwrap_or_else(own);
        let job = start.job((&prompt, &negative), &noise, seed);
        let (mut made, steps) = models.base.trace(&job, sampling)?;
        let base_latent = made.latent.clone();
        let mut refined = Vec::new();
        if let Some(refiner) = &mut models.refiner {
            let prompt = refiner.encode_prompt(&self.prompt)?;
            let negative = refiner.encode_negative(&self.negative_prompt)?;
            let job = Job::new(&prompt, &negative, &base_latent);
            (made, refined) = refiner.trace_refined(&job, sampling)?;
        }
        let run = || steps.iter().chain(&refined);
        let rows: usize = run().map(|step| step.rows).sum();
        crate::say!("{} steps, {rows} denoiser rows", run().count());
        if let Some(path) = &self.trace {
            let anchor = start.anchor.as_deref();
            write_trace(path, shape, (&noise, anchor), (&steps, &base_latent), &refined, &made)?;
        }
        picture(made)
    }
}

fn picture(made: Generated) -> anyhow::Result<RgbImage> {
    let (width, height) = (made.width as u32, made.height as u32);
    let image = RgbImage::from_raw(width, height, made.rgb);
    image.ok_or_else(|| {
        anyhow::anyhow!("the model's output is not an image of {width}×{height} pixels")
    })
}
