//! A text-to-image model as parts, and CoDA's guided sampling with it.
//!
//! From a model folder to an image: [`ModelFolder::open`] reads and checks the folder, [`Generator::load`] opens its graphs
//! with a [`Runtime`](crate::onnx::Runtime), [`Generator::encode_prompt`] makes a [`PromptEmbedding`], and
//! [`Generator::generate`] turns [`Job`]s (prompt, initial [`noise`], anchor) into [`Generated`] images, as [`Sampling`] says.
//! [`Encoder`] makes anchors: latents of real images. `examples/sample_image.rs` is the whole way.
//!
//! Latents are channels × height × width, row-major, one sample after another. They are on the scale that the denoiser
//! works on: [`VaeConfig::scaling_factor`] is in them. [`validate`] tells all that is wrong with a folder at once.
//!
//! Two halves: arithmetic on slices ([`noise_schedule`], [`guidance`], [`noise`]), which knows of no files or graphs, and
//! the parts that own a graph. [`FAMILIES`] says in what kinds of models differ.

mod clean;
mod components;
mod defaults;
mod denoiser;
mod error;
mod family;
mod file_state;
mod folder;
mod from_hub;
mod generator;
#[cfg(test)]
mod golden;
mod group;
pub mod guidance;
pub(crate) mod image_features;
mod job;
mod json;
mod latent_output;
pub mod noise;
pub mod noise_schedule;
mod prompt_gap;
mod sampler;
mod sampling;
mod text;
mod traits;
mod vae;
pub mod validate;

pub use components::{COMPONENTS, Component, ModelPaths};
pub use defaults::OwnSampling;
pub use error::DiffusionError;
pub use family::{
    Conditioning, FAMILIES, Family, HiddenStates, Pipelines, ScaleInput, TextKind, TextRole,
    Training,
};
pub use folder::{DenoiserConfig, ModelFolder, Purpose, TextPart, VaeConfig};
pub(crate) use from_hub::{Fetched, To, fetch_model, local_graph, local_model, local_paths};
pub use generator::{Generated, Generator};
pub use job::Job;
pub use sampler::TraceStep;
pub(crate) use sampling::StepsRun;
pub use sampling::{Overrides, Sampling};
pub use text::{Cut, PromptEmbedding, PromptTokens, Tokenizer};
pub use traits::{Distilled, FewSteps, ModelTraits};
pub use vae::{DecodedImage, Decoder, Encoder};
