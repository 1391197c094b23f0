//! A text-to-image model as parts, and CoDA's guided sampling with it.
//!
//! Two halves: arithmetic on slices ([`scheduler`], [`guidance`], [`noise`], [`denoise`]), which
//! knows of no files or graphs, and the parts that own a graph ([`PromptEncoder`], [`Unet`],
//! [`Encoder`], [`Decoder`]). [`Generator`] puts them together.

mod added_tokens;
pub mod checkup;
mod error;
mod folder;
mod generator;
#[cfg(test)]
mod golden;
pub mod guidance;
pub mod image_features;
mod json;
mod look;
mod merges;
pub mod noise;
mod prompts;
mod sampler;
mod sampling;
pub mod scheduler;
mod text;
mod tokenizer;
mod unet;
mod vae;

pub use error::DiffusionError;
pub use folder::{ModelFolder, Purpose, TextPart, VaeConfig};
pub use generator::{Generated, Generator, Job};
pub use prompts::PromptTokens;
pub use sampler::{Denoiser, Plan, Prediction, TraceStep, denoise};
pub use sampling::{Overrides, Sampling};
pub use text::{PromptEmbedding, PromptEncoder};
pub use tokenizer::{Cut, Tokenizer};
pub use unet::{BoundUnet, Unet};
pub use vae::{DecodedImage, Decoder, Encoder};
