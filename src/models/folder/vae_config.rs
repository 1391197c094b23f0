//! The image autoencoder's configuration: the shape and scale of latents.

use std::path::Path;

use serde::Deserialize;

use crate::models::error::DiffusionError;
use crate::models::json::{config_error, read_json, whole};

/// A bound far beyond any model, so that a damaged number is reported as one and not as a lack of memory.
const MOST_CHANNELS: usize = 1024;

/// Configuration of the image autoencoder, from `vae_decoder/config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VaeConfig {
    /// Channels of a latent; Stable Diffusion's where none are given.
    #[serde(default = "four", deserialize_with = "whole")]
    pub latent_channels: usize,
    /// Channels of each level; a level after the first halves the resolution. Some autoencoders name the encoder's alone.
    #[serde(default)]
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

/// The levels of an autoencoder whose encoder and decoder differ.
#[derive(Deserialize)]
struct EncoderLevels {
    #[serde(default)]
    encoder_block_out_channels: Vec<usize>,
}

fn stable_diffusion_1() -> f32 {
    0.182_15
}

fn four() -> usize {
    4
}

impl VaeConfig {
    /// Reads an autoencoder's `config.json`.
    pub(crate) fn read(path: &Path) -> Result<Self, DiffusionError> {
        let what = "the autoencoder's configuration";
        let mut vae: Self = read_json(path, what)?;
        if vae.block_out_channels.is_empty() {
            let levels: EncoderLevels = read_json(path, what)?;
            vae.block_out_channels = levels.encoder_block_out_channels;
        }
        vae.check().map_err(|reason| config_error(path, reason))?;
        Ok(vae)
    }

    /// Pixels per latent position, in each direction: 8 for SDXL.
    pub fn scale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// Gives the shape of the latent of an image of `size` by `size` pixels: channels, height, width.
    pub(crate) fn latent_shape(&self, size: usize) -> Result<[usize; 3], DiffusionError> {
        let scale = self.scale();
        if size == 0 || !size.is_multiple_of(scale) {
            let reason = format!("{size} pixels is no positive multiple of {scale}");
            return Err(DiffusionError::Setting { name: "size", reason });
        }
        Ok([self.latent_channels, size / scale, size / scale])
    }

    fn check(&self) -> Result<(), String> {
        if self.block_out_channels.is_empty() {
            return Err("missing field `block_out_channels`, or it has no entry".to_owned());
        }
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
