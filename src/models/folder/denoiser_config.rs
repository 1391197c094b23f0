//! The denoiser's configuration: what it takes, and the image size that it was trained for.

use serde::Deserialize;

use super::VAE_CONFIG;
use super::vae_config::VaeConfig;
use crate::models::components::ModelPaths;
use crate::models::error::DiffusionError;
use crate::models::family::{Conditioning, Family, ScaleInput};
use crate::models::json::{config_error, read_json, whole, whole_if_given};

/// A bound far beyond any model, so that a damaged number is reported as one and not as a lack of memory.
const MOST_PIXELS: usize = 16_384;
/// Channels of a UNet's latent where none are given.
const CHANNELS: usize = 4;

/// The keys of a denoiser's `config.json` that a model is run by.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct DenoiserConfig {
    /// The network's class.
    #[serde(rename = "_class_name")]
    pub class: Option<String>,
    sample_size: Option<Side>,
    #[serde(deserialize_with = "whole_if_given")]
    in_channels: Option<usize>,
    #[serde(deserialize_with = "whole_if_given")]
    patch_size: Option<usize>,
    /// Width of the embedding of the guidance scale that a UNet takes.
    #[serde(deserialize_with = "whole_if_given")]
    pub time_cond_proj_dim: Option<usize>,
    /// Whether a transformer takes the guidance scale.
    pub guidance_embeds: bool,
    /// Sana: factor of timesteps.
    pub timestep_scale: Option<f32>,
    /// SD 3: tokens a side that its table of positions holds.
    #[serde(deserialize_with = "whole_if_given")]
    pub pos_embed_max_size: Option<usize>,
    /// Width of a prompt's hidden states.
    #[serde(deserialize_with = "whole_if_given")]
    pub joint_attention_dim: Option<usize>,
}

/// Side of the square that the model was trained for, in latent cells; some write height and width.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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

impl DenoiserConfig {
    /// Reads the configuration of the denoiser of a model of `family`, and checks that it works on latents of the autoencoder.
    pub(super) fn read(
        paths: &ModelPaths,
        family: &Family,
        vae: &VaeConfig,
    ) -> Result<Self, DiffusionError> {
        let path = paths.part(family.denoiser).join("config.json");
        let config: Self = read_json(&path, "the denoiser's configuration")?;
        let latents = (vae.latent_channels, paths.file(VAE_CONFIG));
        config
            .check(family, latents.0)
            .map_err(|reason| config_error(&path, format!("{reason} ({})", latents.1.display())))?;
        if let Some(reason) = config.out_of_proportion(family, vae) {
            return Err(config_error(&path, reason));
        }
        Ok(config)
    }

    /// Latent cells a side of one token.
    pub fn patch(&self, family: &Family) -> usize {
        match family.conditioning {
            // Packed before the network, which then has patches of one token.
            Conditioning::Packed => family.patch,
            Conditioning::Unet | Conditioning::UnetWithSize => 1,
            Conditioning::Joint | Conditioning::Masked => self.patch_size.unwrap_or(family.patch),
        }
    }

    /// How the model is told the guidance scale.
    pub(super) fn scale_input(&self, family: &Family) -> ScaleInput {
        match family.conditioning {
            Conditioning::Packed if self.guidance_embeds => ScaleInput::Embedded,
            Conditioning::Packed => ScaleInput::None,
            Conditioning::Unet | Conditioning::UnetWithSize => match self.time_cond_proj_dim {
                Some(_) => ScaleInput::Embedded,
                None => ScaleInput::ClassifierFree,
            },
            Conditioning::Joint | Conditioning::Masked => ScaleInput::ClassifierFree,
        }
    }

    /// The size in pixels that the denoiser was trained for, if that is told.
    pub(super) fn trained_size(&self, family: &Family, vae: &VaeConfig) -> Option<usize> {
        let cells = self.sample_size.as_ref().map_or(family.cells, Side::cells)?;
        Some(vae.scale().saturating_mul(cells))
    }

    fn check(&self, family: &Family, latent_channels: usize) -> Result<(), String> {
        let packed = family.conditioning == Conditioning::Packed;
        // What a token of FLUX.1 holds: the cells of a patch side by side.
        let own = latent_channels * if packed { family.patch * family.patch } else { 1 };
        let channels =
            self.in_channels.unwrap_or(if family.conditioning.is_unet() { CHANNELS } else { own });
        if channels == own {
            return Ok(());
        }
        let each = if packed { format!(", which make {own} a token") } else { String::new() };
        Err(format!(
            "in_channels is {channels}, but the autoencoder's latents have {latent_channels} channels{each}"
        ))
    }

    fn out_of_proportion(&self, family: &Family, vae: &VaeConfig) -> Option<String> {
        let size = self.trained_size(family, vae);
        if let (Some(side), Some(size)) = (self.sample_size.as_ref().and_then(Side::cells), size)
            && (size == 0 || size > MOST_PIXELS)
        {
            return Some(format!("sample_size {side} is out of all proportion"));
        }
        let most = MOST_PIXELS;
        let counts = [
            ("patch_size", self.patch_size),
            ("time_cond_proj_dim", self.time_cond_proj_dim),
            ("joint_attention_dim", self.joint_attention_dim),
            ("pos_embed_max_size", self.pos_embed_max_size),
        ];
        let (key, count) = counts.into_iter().find_map(|(key, count)| {
            count.filter(|count| !(1..=most).contains(count)).map(|count| (key, count))
        })?;
        Some(format!("{key} {count} is out of all proportion"))
    }
}
