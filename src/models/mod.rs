//! A text-to-image model as parts, and CoDA's guided sampling with it.
//!
//! Two halves: arithmetic on slices ([`noise_schedule`], [`guidance`], [`noise`], [`denoise`]), which
//! knows of no files or graphs, and the parts that own a graph ([`PromptEncoder`], [`Unet`],
//! [`Encoder`], [`Decoder`]). [`Generator`] puts them together.

mod denoiser;
mod error;
mod family;
mod file_state;
mod folder;
mod generator;
#[cfg(test)]
mod golden;
pub mod guidance;
pub mod image_features;
mod json;
pub mod noise;
pub mod noise_schedule;
mod sampler;
mod sampling;
mod text;
mod vae;
pub mod validate;

pub use denoiser::{BoundUnet, Denoiser, Prediction, Unet};
pub use error::DiffusionError;
pub use family::{FAMILIES, Family, HiddenStates, Pipelines, TextRole};
pub use folder::{ModelFolder, Purpose, TextPart, VaeConfig};
pub use generator::{Generated, Generator, Job};
pub use sampler::{TraceStep, denoise};
pub use sampling::{Overrides, Sampling};
pub use text::{Cut, PromptEmbedding, PromptEncoder, PromptTokens, Tokenizer};
pub use vae::{DecodedImage, Decoder, Encoder};
