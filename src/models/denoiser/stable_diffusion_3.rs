//! SD 3's transformer.

use super::Conditions;
use super::wiring::{Batch, Inputs, Wiring, each_row, hidden_states, pooled};
use crate::onnx::{Graph, Port};

/// Its inputs.
pub(super) struct StableDiffusion3 {
    timestep: Option<Port>,
}

impl StableDiffusion3 {
    /// Reads the inputs of the open graph.
    pub(super) fn new(graph: &Graph) -> Self {
        Self { timestep: graph.input("timestep").cloned() }
    }
}

impl Wiring for StableDiffusion3 {
    fn inputs(&self) -> Vec<&'static str> {
        vec!["hidden_states", "encoder_hidden_states", "pooled_projections", "timestep"]
    }

    fn output(&self) -> &'static str {
        "out_hidden_states"
    }

    fn constant(&self, conditions: &Conditions<'_>, _batch: Batch) -> Inputs {
        let rows = conditions.rows();
        vec![("encoder_hidden_states", hidden_states(&rows)), ("pooled_projections", pooled(&rows))]
    }

    fn changing(&self, timestep: f32, samples: Vec<f32>, batch: Batch) -> Inputs {
        let timestep = each_row(self.timestep.as_ref(), batch.rows, timestep);
        vec![("hidden_states", batch.samples(samples)), ("timestep", timestep)]
    }
}
