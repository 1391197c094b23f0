//! The network that predicts the noise of a batch of samples.

mod unet;

use super::error::DiffusionError;

pub(super) use unet::Unet;

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
    /// Predicts for `input`, the batch's scaled samples, at `timestep` of step `step`.
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
