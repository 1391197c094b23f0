//! A model folder in the layout of `optimum-cli export onnx --task text-to-image`.
//!
//! ```text
//! model_index.json
//! scheduler/scheduler_config.json
//! text_encoder/ text_encoder_2/ … unet/ or transformer/ vae_encoder/ vae_decoder/    config.json, model.onnx
//! tokenizer/ tokenizer_2/ …    vocab.json and merges.txt, or tokenizer.json
//! ```
//!
//! Which text encoders, tokenizers and denoiser are there depends on the model's [`Family`]. Only JSON is read here; a graph's
//! tensors are read from the graph when it is opened.

mod denoiser_config;
mod index;
#[cfg(test)]
mod tests;
mod text_part;
mod vae_config;

use std::path::{Path, PathBuf};

use super::components::ModelPaths;
use super::error::DiffusionError;
use super::family::{Conditioning, FAMILIES, Family, ScaleInput, TextRole};
use super::file_state::{check_folder, look};
use super::json::{config_error, read_json};
use super::noise_schedule::SchedulerConfig;

pub use denoiser_config::DenoiserConfig;
pub(super) use index::ModelIndex;
pub use text_part::TextPart;
pub use vae_config::VaeConfig;

/// The autoencoder's configuration.
pub(crate) const VAE_CONFIG: &str = "vae_decoder/config.json";
/// The scheduler's.
pub(crate) const SCHEDULER_CONFIG: &str = "scheduler/scheduler_config.json";

/// What a model folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Images to latents: the image encoder and its configuration must be there, nothing else.
    Encode,
    /// Images from prompts: all must be there.
    Generate,
}

/// A model folder whose files are there and whose configurations make sense.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// The folder.
    pub root: PathBuf,
    /// Where its components lie.
    pub paths: ModelPaths,
    /// The kind of model.
    pub family: &'static Family,
    /// The text encoders, in the order of the family.
    pub text: Vec<TextPart>,
    /// The denoiser's `model.onnx`.
    pub denoiser: PathBuf,
    /// The denoiser's configuration.
    pub denoiser_config: DenoiserConfig,
    /// How the model is told the guidance scale.
    pub scale_input: ScaleInput,
    /// Latent cells a side that are one token of the denoiser: sizes of latents are multiples of it.
    pub patch: usize,
    /// The image encoder's `model.onnx`.
    pub vae_encoder: PathBuf,
    /// The image decoder's `model.onnx`.
    pub vae_decoder: PathBuf,
    /// The autoencoder's configuration.
    pub vae: VaeConfig,
    /// The scheduler's configuration.
    pub scheduler: SchedulerConfig,
    /// Height and width of the images that the model was trained for, in pixels, where its configuration tells.
    pub default_size: Option<usize>,
    /// Whether an absent negative prompt means zeros rather than the encoding of "".
    pub force_zeros_for_empty_prompt: bool,
    /// Whether the denoiser is conditioned on an aesthetic score, as SDXL's refiner is.
    pub requires_aesthetics_score: bool,
}

/// A result, or where there is none the default if nothing depends on it.
fn unless<T: Default>(
    needless: bool,
    result: Result<T, DiffusionError>,
) -> Result<T, DiffusionError> {
    if needless { Ok(result.unwrap_or_default()) } else { result }
}

impl ModelFolder {
    /// Reads a model folder and checks that its files are there.
    ///
    /// # Errors
    /// The file that is missing, unreadable or inconsistent, and what was expected of it.
    pub fn open(root: &Path) -> Result<Self, DiffusionError> {
        Self::open_for(root, Purpose::Generate)
    }

    /// As [`ModelFolder::open`]; what `purpose` has no use for may be missing or at fault, and then has its default.
    ///
    /// # Errors
    /// As there.
    pub fn open_for(
        model: impl Into<ModelPaths>,
        purpose: Purpose,
    ) -> Result<Self, DiffusionError> {
        let paths = model.into();
        let root = paths.root();
        check_folder(root)?;
        let needless = purpose == Purpose::Encode;
        let index = unless(needless, ModelIndex::read(root))?;
        let family = match index.family() {
            Some(family) => family,
            None if needless => &FAMILIES[0],
            None => {
                let reason = format!("it names none of {}", Family::text_folders().join(", "));
                return Err(config_error(&root.join("model_index.json"), reason));
            }
        };
        let mut scheduler = unless(needless, scheduler(&paths))?;
        // FLUX's pipeline hands its scheduler the levels to shift.
        scheduler.flow.even = family.conditioning == Conditioning::Packed;
        let vae = VaeConfig::read(&paths.file(VAE_CONFIG))?;
        let denoiser_config = DenoiserConfig::read(&paths, family, &vae).map(Some);
        let denoiser_config = unless(needless, denoiser_config)?;
        let default_size = denoiser_config.as_ref().and_then(|own| own.trained_size(family, &vae));
        let denoiser_config = denoiser_config.unwrap_or_default();
        let of_model = |role: &&TextRole| !role.optional || index.names(role.folder);
        let part = |role| unless(needless, TextPart::open(&paths, role).map(Some)).transpose();
        let text = family.text.iter().filter(of_model).filter_map(part);
        let mut text = text.collect::<Result<Vec<_>, _>>()?;
        let scale_input = denoiser_config.scale_input(family);
        text.iter_mut().for_each(|part| part.limit_to(scale_input));
        Ok(Self {
            family,
            text,
            denoiser: unless(needless, graph_file(&paths, family.denoiser))?,
            vae_encoder: graph_file(&paths, "vae_encoder")?,
            vae_decoder: unless(needless, graph_file(&paths, "vae_decoder"))?,
            default_size,
            patch: denoiser_config.patch(family),
            scale_input,
            denoiser_config,
            vae,
            scheduler,
            force_zeros_for_empty_prompt: index
                .force_zeros_for_empty_prompt
                .unwrap_or(family.zeros_for_no_prompt),
            requires_aesthetics_score: index.requires_aesthetics_score,
            root: root.to_path_buf(),
            paths,
        })
    }

    /// Tokens of the denoiser for an image of `size` by `size` pixels.
    pub fn tokens(&self, size: usize) -> usize {
        (size / (self.vae.scale() * self.patch).max(1)).pow(2)
    }

    /// Shape of the latent of an image of `size` by `size` pixels: channels, height, width.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] when `size` is no positive multiple of the autoencoder's scale and the denoiser's patch, or
    /// beyond the denoiser's table of positions.
    pub fn latent_shape(&self, size: usize) -> Result<[usize; 3], DiffusionError> {
        let shape = self.vae.latent_shape(size)?;
        let token = self.vae.scale() * self.patch;
        if !size.is_multiple_of(token) {
            let reason = format!("{size} pixels is no positive multiple of {token}");
            return Err(DiffusionError::setting("size", reason));
        }
        let most = self.denoiser_config.pos_embed_max_size.map(|tokens| tokens * token);
        if let Some(most) = most.filter(|most| size > *most) {
            let family = self.family.name;
            let reason =
                format!("{size} pixels is beyond the {most} that this {family} has positions for");
            return Err(DiffusionError::setting("size", reason));
        }
        Ok(shape)
    }
}

fn graph_file(paths: &ModelPaths, part: &str) -> Result<PathBuf, DiffusionError> {
    let path = paths.part(part).join("model.onnx");
    let expected = "a graph written by `optimum-cli export onnx --task text-to-image`";
    look(&path).map_err(|unusable| unusable.into_error(&path, expected))?;
    Ok(path)
}

fn scheduler(paths: &ModelPaths) -> Result<SchedulerConfig, DiffusionError> {
    let path = paths.file(SCHEDULER_CONFIG);
    let scheduler: SchedulerConfig = read_json(&path, "the scheduler's settings")?;
    scheduler.check().map_err(|reason| config_error(&path, reason))?;
    Ok(scheduler)
}
