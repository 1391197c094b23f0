//! How a kind of denoiser is given a batch, and how its output is read.

use super::Conditions;
use crate::models::text::PromptEmbedding;
use crate::onnx::{Port, Tensor};

/// Inputs with their names in the graph.
pub(super) type Inputs = Vec<(&'static str, Tensor)>;

/// The rows of a run and the shape of each one's latent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) rows: usize,
    /// Channels, height, width.
    pub(super) latent: [usize; 3],
}

/// One kind of denoiser.
pub(super) trait Wiring {
    /// The inputs that the graph must have.
    fn inputs(&self) -> Vec<&'static str>;

    /// The output that is read.
    fn output(&self) -> &'static str;

    /// The inputs that stay the same over all steps.
    fn constant(&self, conditions: &Conditions<'_>, batch: Batch) -> Inputs;

    /// The inputs of one step.
    fn changing(&self, timestep: f32, samples: Vec<f32>, batch: Batch) -> Inputs;

    /// The latents in the output, one row after another; as it is where it has another length.
    fn latents(&self, output: Vec<f32>, _batch: Batch) -> Vec<f32> {
        output
    }
}

impl Batch {
    /// The latents of all rows as a tensor.
    pub(super) fn samples(&self, values: Vec<f32>) -> Tensor {
        let [channels, height, width] = self.latent;
        Tensor::f32([self.rows, channels, height, width], values)
    }

    /// Values of a row.
    pub(super) fn row(&self) -> usize {
        self.latent.iter().product()
    }
}

/// One value for each row, or for all of them where the graph takes a scalar or a vector of one.
pub(super) fn each_row(port: Option<&Port>, rows: usize, value: f32) -> Tensor {
    match port.map(|port| &port.dims[..]) {
        Some([]) => Tensor::f32([], vec![value]),
        Some([Some(1)]) => Tensor::f32([1], vec![value]),
        _ => Tensor::f32([rows], vec![value; rows]),
    }
}

/// The prompts' hidden states of all rows.
pub(super) fn hidden_states(rows: &[&PromptEmbedding]) -> Tensor {
    let (tokens, width) = rows.first().map_or((0, 0), |row| (row.tokens, row.width()));
    let hidden = rows.iter().flat_map(|row| &row.hidden).copied().collect();
    Tensor::f32([rows.len(), tokens, width], hidden)
}

/// The pooled prompts of all rows.
pub(super) fn pooled(rows: &[&PromptEmbedding]) -> Tensor {
    let values: Vec<f32> = rows.iter().flat_map(|row| &row.pooled).copied().collect();
    Tensor::f32([rows.len(), values.len() / rows.len().max(1)], values)
}
