//! The image size that a model was trained for, from its denoiser's configuration.

use serde::Deserialize;

use super::VAE_CONFIG;
use super::vae_config::VaeConfig;
use crate::models::components::ModelPaths;
use crate::models::error::DiffusionError;
use crate::models::json::{config_error, read_json, whole, whole_if_given};

/// A bound far beyond any model, so that a damaged number is reported as one and not as a lack of memory.
const MOST_PIXELS: usize = 16_384;
/// Channels of a latent where none are given.
const CHANNELS: usize = 4;

#[derive(Default, Deserialize)]
#[serde(default)]
struct DenoiserConfig {
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

/// Reads the size in pixels that the denoiser was trained for, if its configuration has one, and checks that it works on
/// latents of the autoencoder.
pub(super) fn trained_size(
    paths: &ModelPaths,
    denoiser: &str,
    vae: &VaeConfig,
) -> Result<Option<usize>, DiffusionError> {
    let path = paths.part(denoiser).join("config.json");
    let config: DenoiserConfig = read_json(&path, "the denoiser's configuration")?;
    let channels = config.in_channels.unwrap_or(CHANNELS);
    if channels != vae.latent_channels {
        let reason = format!(
            "in_channels is {channels}, but the autoencoder's latents have {} channels ({})",
            vae.latent_channels,
            paths.file(VAE_CONFIG).display()
        );
        return Err(config_error(&path, reason));
    }
    let Some(side) = config.sample_size.as_ref().and_then(Side::cells) else { return Ok(None) };
    let size = vae.scale().saturating_mul(side);
    if size == 0 || size > MOST_PIXELS {
        let reason = format!("sample_size {side} is out of all proportion");
        return Err(config_error(&path, reason));
    }
    Ok(Some(size))
}
