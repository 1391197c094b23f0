//! The clean latents ẑ0 that a denoiser's predictions imply: what guidance edits and solvers go by.

use super::denoiser::Prediction;
use super::noise_schedule::NoiseLevel;

/// Estimates of the clean latents of a batch; both vectors are as long as the batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CleanEstimates {
    /// Given the prompts.
    pub conditional: Vec<f32>,
    /// Given the negative prompts; `None` at steps without classifier-free guidance.
    pub unconditional: Option<Vec<f32>>,
}

impl CleanEstimates {
    /// What `prediction` for the batch `input` implies at `level`.
    pub fn of(prediction: Prediction, input: &[f32], level: NoiseLevel) -> Self {
        let clean = |mut outputs: Vec<f32>| {
            for (output, &z) in outputs.iter_mut().zip(input) {
                *output = level.clean(z, *output);
            }
            outputs
        };
        Self {
            conditional: clean(prediction.conditional),
            unconditional: prediction.unconditional.map(clean),
        }
    }
}
