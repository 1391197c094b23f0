//! A model folder in the layout of `optimum-cli export onnx --task text-to-image`.
//!
//! ```text
//! model_index.json
//! scheduler/scheduler_config.json
//! text_encoder/ text_encoder_2/ unet/ vae_encoder/ vae_decoder/    config.json, model.onnx
//! tokenizer/ tokenizer_2/    vocab.json and merges.txt, or tokenizer.json
//! ```
//!
//! A refiner's folder has neither `text_encoder` nor `tokenizer`; that of Stable Diffusion 1 and 2 has only those, not
//! `text_encoder_2` and `tokenizer_2`. Only JSON is read here; what a
//! graph's tensors look like is read from the graph when it is opened.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::DiffusionError;
use super::json::{config_error, read_json, whole, whole_if_given};
use super::look::{check_folder, look};
use super::scheduler::SchedulerConfig;

/// Bounds far beyond any model, so that a damaged number is told as one and not as a lack of memory.
const MOST_PIXELS: usize = 16_384;
const MOST_CHANNELS: usize = 1024;

/// What a model folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Images to latents: the image encoder and its configuration must be there, nothing else.
    Encode,
    /// Images from prompts: all must be there.
    Generate,
}

/// A text encoder and its tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPart {
    /// Its `model.onnx`.
    pub graph: PathBuf,
    /// Its tokenizer's folder.
    pub tokenizer: PathBuf,
    /// Number of tokens that its position table holds.
    pub max_positions: usize,
}

/// Configuration of the image autoencoder, from `vae_decoder/config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VaeConfig {
    /// Channels of a latent; Stable Diffusion's where none are given.
    #[serde(default = "four", deserialize_with = "whole")]
    pub latent_channels: usize,
    /// Channels of each level; a level after the first halves the resolution.
    pub block_out_channels: Vec<usize>,
    /// Factor from the encoder's mean to the latents that the UNet works on; Stable Diffusion 1's where none is given.
    #[serde(default = "stable_diffusion_1")]
    pub scaling_factor: f32,
    /// Subtracted from the encoder's mean before scaling; SDXL has none.
    #[serde(default)]
    pub shift_factor: Option<f32>,
    /// Mean per channel, of models that standardise their latents; SDXL has none.
    #[serde(default)]
    pub latents_mean: Option<Vec<f32>>,
    /// Deviation per channel, likewise.
    #[serde(default)]
    pub latents_std: Option<Vec<f32>>,
}

/// A model folder whose files are there and whose configurations make sense.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// The folder.
    pub root: PathBuf,
    /// The first text encoder; a refiner has none.
    pub text_encoder: Option<TextPart>,
    /// SDXL's second text encoder, which also yields the pooled embedding; Stable Diffusion 1 and 2 have none.
    pub text_encoder_2: Option<TextPart>,
    /// The UNet's `model.onnx`.
    pub unet: PathBuf,
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
    /// Whether the UNet is conditioned on an aesthetic score, as SDXL's refiner is.
    pub requires_aesthetics_score: bool,
}

fn stable_diffusion_1() -> f32 {
    0.182_15
}

fn four() -> usize {
    4
}

fn clips() -> usize {
    77
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ModelIndex {
    force_zeros_for_empty_prompt: Option<bool>,
    requires_aesthetics_score: bool,
    text_encoder: (Option<String>, Option<String>),
    text_encoder_2: (Option<String>, Option<String>),
}

#[derive(Deserialize)]
struct TextConfig {
    #[serde(default = "clips", deserialize_with = "whole")]
    max_position_embeddings: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UnetConfig {
    sample_size: Option<Side>,
    #[serde(deserialize_with = "whole_if_given")]
    in_channels: Option<usize>,
}

/// Side of the square that the model was trained for, in latent cells; some write height and width.
#[derive(Deserialize)]
#[serde(untagged)]
enum Side {
    One(#[serde(deserialize_with = "whole")] usize),
    Two([usize; 2]),
}

impl Side {
    /// The side, if it is a square's.
    fn cells(&self) -> Option<usize> {
        match self {
            Self::One(side) => Some(*side),
            Self::Two([height, width]) => Some(*height).filter(|height| height == width),
        }
    }
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
    pub fn open_for(root: &Path, purpose: Purpose) -> Result<Self, DiffusionError> {
        check_folder(root)?;
        let needless = purpose == Purpose::Encode;
        let index: ModelIndex = unless(
            needless,
            read_json(
                &root.join("model_index.json"),
                "the index of an exported text-to-image model",
            ),
        )?;
        let scheduler = unless(needless, scheduler(root))?;
        let vae_path = root.join("vae_decoder/config.json");
        let vae: VaeConfig = read_json(&vae_path, "the autoencoder's configuration")?;
        vae.check().map_err(|reason| config_error(&vae_path, reason))?;
        let default_size = unless(needless, trained_size(root, &vae))?;
        let part = |named: &(Option<String>, Option<String>), encoder, tokenizer| {
            let part = named.0.as_ref().map(|_| TextPart::open(root, encoder, tokenizer));
            unless(needless, part.transpose())
        };
        let text_encoder = part(&index.text_encoder, "text_encoder", "tokenizer")?;
        let text_encoder_2 = part(&index.text_encoder_2, "text_encoder_2", "tokenizer_2")?;
        if text_encoder.is_none() && text_encoder_2.is_none() && !needless {
            let reason = "it names neither text_encoder nor text_encoder_2".to_owned();
            return Err(config_error(&root.join("model_index.json"), reason));
        }
        // SDXL's pipelines take zeros for no negative prompt unless told otherwise; earlier ones know no such thing.
        let sdxl = text_encoder_2.is_some();
        Ok(Self {
            text_encoder,
            text_encoder_2,
            unet: unless(needless, graph_file(root, "unet"))?,
            vae_encoder: graph_file(root, "vae_encoder")?,
            vae_decoder: unless(needless, graph_file(root, "vae_decoder"))?,
            default_size,
            vae,
            scheduler,
            force_zeros_for_empty_prompt: index.force_zeros_for_empty_prompt.unwrap_or(sdxl),
            requires_aesthetics_score: index.requires_aesthetics_score,
            root: root.to_path_buf(),
        })
    }

    /// Shape of the latent of an image of `size` by `size` pixels: channels, height, width.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] when `size` is no positive multiple of the autoencoder's scale.
    pub fn latent_shape(&self, size: usize) -> Result<[usize; 3], DiffusionError> {
        self.vae.latent_shape(size)
    }
}

impl VaeConfig {
    /// Pixels per latent position, in each direction: 8 for SDXL.
    pub fn scale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// See [`ModelFolder::latent_shape`].
    pub(super) fn latent_shape(&self, size: usize) -> Result<[usize; 3], DiffusionError> {
        let scale = self.scale();
        if size == 0 || !size.is_multiple_of(scale) {
            let reason = format!("{size} pixels is no positive multiple of {scale}");
            return Err(DiffusionError::Setting { name: "size", reason });
        }
        Ok([self.latent_channels, size / scale, size / scale])
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=16).contains(&self.block_out_channels.len()) {
            return Err("block_out_channels must have 1 to 16 entries".to_owned());
        }
        if !(1..=MOST_CHANNELS).contains(&self.latent_channels) {
            return Err(format!("latent_channels must be between 1 and {MOST_CHANNELS}"));
        }
        if !self.scaling_factor.is_finite() || self.scaling_factor == 0.0 {
            return Err(format!("scaling_factor {} is no usable factor", self.scaling_factor));
        }
        let per_channel =
            [("latents_mean", &self.latents_mean), ("latents_std", &self.latents_std)];
        for (key, values) in per_channel {
            if values.as_ref().is_some_and(|values| values.len() != self.latent_channels) {
                return Err(format!("{key} must have one value per latent channel"));
            }
        }
        Ok(())
    }
}

impl TextPart {
    fn open(root: &Path, encoder: &str, tokenizer: &str) -> Result<Self, DiffusionError> {
        let config_path = root.join(encoder).join("config.json");
        let config: TextConfig = read_json(&config_path, "the text encoder's configuration")?;
        Ok(Self {
            graph: graph_file(root, encoder)?,
            tokenizer: root.join(tokenizer),
            max_positions: config.max_position_embeddings,
        })
    }
}

fn graph_file(root: &Path, part: &str) -> Result<PathBuf, DiffusionError> {
    let path = root.join(part).join("model.onnx");
    let expected = "a graph written by `optimum-cli export onnx --task text-to-image`";
    look(&path).map_err(|unusable| unusable.into_error(&path, expected))?;
    Ok(path)
}

fn scheduler(root: &Path) -> Result<SchedulerConfig, DiffusionError> {
    let path = root.join("scheduler/scheduler_config.json");
    let scheduler: SchedulerConfig = read_json(&path, "the scheduler's settings")?;
    scheduler.check().map_err(|reason| config_error(&path, reason))?;
    Ok(scheduler)
}

/// The size that the UNet was trained for, if it tells, and that it works on the autoencoder's latents.
fn trained_size(root: &Path, vae: &VaeConfig) -> Result<Option<usize>, DiffusionError> {
    let path = root.join("unet/config.json");
    let unet: UnetConfig = read_json(&path, "the UNet's configuration")?;
    let channels = unet.in_channels.unwrap_or_else(four);
    if channels != vae.latent_channels {
        let reason = format!(
            "in_channels is {channels}, but the autoencoder's latents have {} channels",
            vae.latent_channels
        );
        return Err(config_error(&path, reason));
    }
    let Some(side) = unet.sample_size.as_ref().and_then(Side::cells) else { return Ok(None) };
    let size = vae.scale().saturating_mul(side);
    if size == 0 || size > MOST_PIXELS {
        let reason = format!("sample_size {side} is out of all proportion");
        return Err(config_error(&path, reason));
    }
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_all_proportion_are_refused_and_allocate_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for part in ["text_encoder", "unet", "vae_encoder", "vae_decoder"] {
            write(&format!("{part}/model.onnx"), "a graph");
        }
        let good = [
            ("model_index.json", r#"{"text_encoder": ["a", "b"]}"#),
            ("text_encoder/config.json", r#"{"max_position_embeddings": 77}"#),
            ("scheduler/scheduler_config.json", "{}"),
            ("unet/config.json", r#"{"sample_size": 8, "in_channels": 4}"#),
            (
                "vae_decoder/config.json",
                r#"{"latent_channels": 4, "block_out_channels": [1, 1, 1]}"#,
            ),
        ];
        good.iter().for_each(|(name, text)| write(name, text));
        assert_eq!(ModelFolder::open(dir.path()).unwrap().default_size, Some(32));
        for (name, number, damaged) in [
            ("scheduler/scheduler_config.json", "{}", r#"{"num_train_timesteps": 1e18}"#),
            (
                "scheduler/scheduler_config.json",
                "{}",
                r#"{"num_train_timesteps": 1000000000000000000}"#,
            ),
            ("unet/config.json", ": 8", ": 9223372036854775807"),
            ("vae_decoder/config.json", "[1, 1, 1]", "[]"),
        ] {
            let text = good.iter().find(|(known, _)| *known == name).unwrap().1;
            write(name, &text.replace(number, damaged));
            let error = ModelFolder::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            write(name, text);
        }
        write("unet/config.json", &good[3].1.replace(": 4", ": 4000000000"));
        write("vae_decoder/config.json", &good[4].1.replace(": 4", ": 4000000000"));
        let error = ModelFolder::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("latent_channels"), "{error}");
    }

    fn model(dir: &Path) {
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for part in ["text_encoder", "unet", "vae_encoder", "vae_decoder"] {
            write(&format!("{part}/model.onnx"), "a graph");
        }
        write(
            "model_index.json",
            r#"{"text_encoder": ["a", "b"], "requires_aesthetics_score": null}"#,
        );
        write("text_encoder/config.json", r#"{"max_position_embeddings": 77}"#);
        write(
            "scheduler/scheduler_config.json",
            r#"{"use_karras_sigmas": null, "prediction_type": null, "num_train_timesteps": 1000.0}"#,
        );
        write("unet/config.json", r#"{"sample_size": 8, "in_channels": 4, "scale": NaN}"#);
        write("vae_decoder/config.json", r#"{"block_out_channels": [1, 1, 1]}"#);
    }

    #[test]
    fn what_diffusers_takes_for_a_default_is_one() {
        let dir = tempfile::tempdir().unwrap();
        model(dir.path());
        let sizes = [
            ("8", Some(32)),
            ("8.0", Some(32)),
            ("[8, 8]", Some(32)),
            ("[8, 16]", None),
            ("null", None),
        ];
        for (side, size) in sizes {
            let text = format!("{{\"sample_size\": {side}, \"in_channels\": 4}}");
            std::fs::write(dir.path().join("unet/config.json"), text).unwrap();
            let folder = ModelFolder::open(dir.path()).unwrap();
            assert_eq!((folder.default_size, folder.vae.latent_channels), (size, 4), "{side}");
            assert_eq!(folder.scheduler, SchedulerConfig::default());
        }
        std::fs::write(dir.path().join("unet/config.json"), "{\"sample_size\": 0}").unwrap();
        assert!(ModelFolder::open(dir.path()).unwrap_err().to_string().contains("sample_size 0"));
    }

    #[test]
    fn to_encode_only_the_image_encoder_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        model(dir.path());
        for gone in
            ["model_index.json", "scheduler", "unet", "text_encoder", "vae_decoder/model.onnx"]
        {
            let path = dir.path().join(gone);
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
            assert!(ModelFolder::open(dir.path()).is_err(), "{gone}");
            let folder = ModelFolder::open_for(dir.path(), Purpose::Encode).unwrap();
            assert_eq!(folder.latent_shape(32).unwrap(), [4, 8, 8]);
        }
        std::fs::remove_file(dir.path().join("vae_encoder/model.onnx")).unwrap();
        assert!(ModelFolder::open_for(dir.path(), Purpose::Encode).is_err());
    }
}
