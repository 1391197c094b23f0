//! The network that predicts the noise of a batch of samples: one file a kind of inputs.

mod flux;
mod network;
mod non_finite;
mod sana;
mod scale_embedding;
mod scale_input;
mod stable_diffusion_3;
#[cfg(test)]
mod tests;
mod unet;
mod wiring;

use super::error::DiffusionError;
use super::text::PromptEmbedding;

pub(super) use network::Network;
pub(super) use scale_input::scale_mismatch;

/// What a batch is denoised under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions<'a> {
    /// The prompt of each sample.
    pub prompts: &'a [&'a PromptEmbedding],
    /// The negative prompt of each sample; empty in runs without classifier-free guidance. All embeddings have one shape.
    pub negatives: &'a [&'a PromptEmbedding],
    /// Shape of a latent: channels, height, width.
    pub latent_shape: [usize; 3],
    /// Height and width of the images in pixels.
    pub size: usize,
    /// The guidance scale of a model that takes it as an input; its own where none is given.
    pub scale: Option<f32>,
}

impl<'a> Conditions<'a> {
    /// The prompts of all rows of a run: both halves go through the network at once, the unconditional one first.
    fn rows(&self) -> Vec<&'a PromptEmbedding> {
        self.negatives.iter().chain(self.prompts).copied().collect()
    }
}

/// What a denoiser predicts of a batch of samples; both vectors are as long as the batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    /// Given the prompts.
    pub conditional: Vec<f32>,
    /// Given the negative prompts; `None` in runs without classifier-free guidance.
    pub unconditional: Option<Vec<f32>>,
}

/// A network that predicts noise (or velocity) for a batch of samples.
pub(crate) trait Denoiser {
    /// Predicts for `input`, the batch's scaled samples, at `timestep` of step `step`: the network's raw output. A flow model's
    /// timestep is 1000 · σ.
    ///
    /// # Errors
    /// Whatever keeps the model from predicting.
    fn predict(
        &mut self,
        step: usize,
        timestep: f32,
        input: &[f32],
    ) -> Result<Prediction, DiffusionError>;
}
