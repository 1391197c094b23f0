//! Sana's transformer.

use super::Conditions;
use super::wiring::{Batch, Inputs, Wiring, each_row, hidden_states};
use crate::models::folder::ModelFolder;
use crate::onnx::{Graph, Port, Tensor};

/// Its inputs.
pub(super) struct Sana {
    timestep: Option<Port>,
    /// Factor of timesteps.
    timestep_scale: f32,
}

impl Sana {
    /// Reads the inputs of the open graph.
    pub(super) fn new(folder: &ModelFolder, graph: &Graph) -> Self {
        let timestep_scale = folder.denoiser_config.timestep_scale.unwrap_or(1.0);
        Self { timestep: graph.input("timestep").cloned(), timestep_scale }
    }
}

impl Wiring for Sana {
    fn inputs(&self) -> Vec<&'static str> {
        vec!["hidden_states", "encoder_hidden_states", "encoder_attention_mask", "timestep"]
    }

    fn output(&self) -> &'static str {
        "out_hidden_states"
    }

    fn constant(&self, conditions: &Conditions<'_>, _batch: Batch) -> Inputs {
        let rows = conditions.rows();
        let mask: Vec<f32> = rows.iter().flat_map(|row| row.mask()).collect();
        let tokens = mask.len() / rows.len().max(1);
        vec![
            ("encoder_hidden_states", hidden_states(&rows)),
            ("encoder_attention_mask", Tensor::f32([rows.len(), tokens], mask)),
        ]
    }

    fn changing(&self, timestep: f32, samples: Vec<f32>, batch: Batch) -> Inputs {
        let timestep = each_row(self.timestep.as_ref(), batch.rows, timestep * self.timestep_scale);
        vec![("hidden_states", batch.samples(samples)), ("timestep", timestep)]
    }

    fn latents(&self, output: Vec<f32>, batch: Batch) -> Vec<f32> {
        let row = batch.row();
        // A network that also learned a deviation has that in the second half of its channels.
        if output.len() != 2 * row * batch.rows {
            return output;
        }
        output.chunks_exact(2 * row).flat_map(|both| &both[..row]).copied().collect()
    }
}
