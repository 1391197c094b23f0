//! Components that are each sound and don't belong together, as far as their configurations tell.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Problem;
use super::widths::{Widths, width_fault};
use crate::models::components::ModelPaths;
use crate::models::family::TextKind;
use crate::models::folder::{ModelFolder, VaeConfig};
use crate::models::json::read_json;

/// The pooled output whose width is projection_dim.
const PROJECTION: &str = "text_embeds";
const ONE_VAE: &str = "take image encoder and decoder of one autoencoder: [model] vae";
const OWN_VAE: &str = "take an autoencoder that was made for this model: the denoiser works on the latents of its own alone";

/// What of the autoencoder's components differs.
pub(super) fn autoencoder(paths: &ModelPaths) -> Vec<Problem> {
    let (encoder, decoder) = (paths.part("vae_encoder"), paths.part("vae_decoder"));
    let mut found = Vec::new();
    let siblings = encoder.parent() == decoder.parent()
        && encoder.ends_with("vae_encoder")
        && decoder.ends_with("vae_decoder");
    if !siblings {
        found.extend(differ(&encoder, &decoder, ONE_VAE));
    }
    let own = paths.root().join("vae_decoder");
    if paths.is_elsewhere("vae_decoder") && own != decoder {
        found.extend(differ(&decoder, &own, OWN_VAE));
    }
    found
}

/// Whose latents are on the denoiser's scale already, whatever the autoencoder's is that it stands for.
#[derive(Deserialize)]
struct Class {
    #[serde(rename = "_class_name")]
    class: Option<String>,
}

fn is_tiny(config: &Path) -> bool {
    let class = read_json::<Class>(config, "the autoencoder's configuration").ok();
    class.and_then(|class| class.class).is_some_and(|class| class == "AutoencoderTiny")
}

/// How the latents of the autoencoders in two folders differ, if both have a configuration.
fn differ(one: &Path, other: &Path, remedy: &str) -> Option<Problem> {
    let files = [one.join("config.json"), other.join("config.json")];
    let [a, b] = files.each_ref().map(|file| VaeConfig::read(file).ok());
    let (a, b) = (a?, b?);
    let tiny = files.iter().any(|file| is_tiny(file));
    let numbers = |config: &VaeConfig| {
        let text = |values: &Option<Vec<f32>>| format!("{:?}", values.as_deref().unwrap_or(&[]));
        [
            ("latent_channels", config.latent_channels.to_string(), true),
            ("pixels per latent cell", config.scale().to_string(), true),
            ("scaling_factor", config.scaling_factor.to_string(), !tiny),
            ("shift_factor", config.shift_factor.unwrap_or(0.0).to_string(), !tiny),
            ("latents_mean", text(&config.latents_mean), !tiny),
            ("latents_std", text(&config.latents_std), !tiny),
        ]
    };
    let pairs = numbers(&a).into_iter().zip(numbers(&b));
    let (a, b) = pairs.into_iter().find(|(a, b)| a.2 && a.1 != b.1)?;
    let [file, second] = files;
    let what = format!("{} is {}, but {} in {}", a.0, a.1, b.1, second.display());
    Some(Problem { file, what, remedy: remedy.to_owned() })
}

/// A text encoder's configuration.
#[derive(Deserialize)]
struct TextWidths {
    hidden_size: Option<usize>,
    /// T5's name of the same.
    d_model: Option<usize>,
    projection_dim: Option<usize>,
}

/// Whether the text encoders give what the denoiser takes, by their configurations.
pub(super) fn text(folder: &ModelFolder) -> Option<Problem> {
    let file = folder.denoiser.with_file_name("config.json");
    let widths: Widths = read_json(&file, "the denoiser's configuration").ok()?;
    let (mut beside, mut after, mut pooled) = (0, None, Some(0));
    let mut files = Vec::<PathBuf>::new();
    for text in &folder.text {
        let config = text.graph.with_file_name("config.json");
        let own: TextWidths = read_json(&config, "the text encoder's configuration").ok()?;
        let width = own.hidden_size.or(own.d_model)?;
        match text.role.kind {
            _ if text.role.hidden.is_none() => {}
            TextKind::Clip => beside += width,
            TextKind::T5 { .. } | TextKind::Gemma { .. } => after = Some(width),
        }
        let more = match text.role.pooled {
            Some(PROJECTION) => own.projection_dim,
            Some(_) => Some(width),
            None => Some(0),
        };
        pooled = pooled.zip(more).map(|(sum, more)| sum + more);
        files.push(config);
    }
    // What stands before T5's tokens, or the zeros in their place, is filled up to their width.
    let absent = folder.text.len() < folder.family.text.len();
    let hidden = match after {
        Some(width) => width,
        None if absent => folder.denoiser_config.joint_attention_dim?,
        None => beside,
    };
    let fault = width_fault(&widths, (hidden, pooled), folder.requires_aesthetics_score)?;
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let what = format!("{fault} ({})", files.join(", "));
    Some(Problem { file, what, remedy: super::widths::REMEDY.to_owned() })
}
