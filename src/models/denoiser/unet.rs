//! The UNet of SD 1, SD 2, SDXL and of LCMs.

use super::Conditions;
use super::scale_embedding::scale_embedding;
use super::scale_input::OF_UNET;
use super::wiring::{Batch, Inputs, Wiring, hidden_states, pooled};
use crate::models::family::Conditioning;
use crate::models::folder::ModelFolder;
use crate::onnx::{Graph, Tensor};

/// The inputs that all UNets have.
const INPUTS: [&str; 3] = ["sample", "timestep", "encoder_hidden_states"];
/// Those of UNets that take the size.
const SIZE_INPUTS: [&str; 2] = ["text_embeds", "time_ids"];
/// Aesthetic scores of the refiner's conditional and unconditional halves, as published.
const AESTHETIC_SCORES: [f32; 2] = [6.0, 2.5];

/// The scale of an LCM where none is given: the default of its pipeline.
const LCM_SCALE: f32 = 8.5;

/// A UNet's inputs.
pub(super) struct Unet {
    timestep_shape: Vec<usize>,
    aesthetic: bool,
    /// Whether it takes the pooled prompt and the image's size.
    takes_size: bool,
    /// Width of the embedding of the guidance scale, where it takes that.
    scale_width: Option<usize>,
}

impl Unet {
    /// Reads the inputs of the open graph.
    pub(super) fn new(folder: &ModelFolder, graph: &Graph) -> Self {
        // A scalar since optimum 1.24, a vector of one before.
        let rank = graph.input("timestep").map_or(0, |port| port.rank());
        let told = folder.denoiser_config.time_cond_proj_dim;
        let scale_width = graph.input(OF_UNET).map(|port| port.dims.last().copied().flatten());
        Self {
            timestep_shape: vec![1; rank],
            aesthetic: folder.requires_aesthetics_score,
            takes_size: folder.family.conditioning == Conditioning::UnetWithSize,
            scale_width: scale_width.and_then(|width| width.or(told)),
        }
    }

    /// Micro-conditioning: original size, crop's corner, and target size or aesthetic score.
    fn time_ids(&self, size: f32, conditional: bool) -> Vec<f32> {
        if self.aesthetic {
            let score = AESTHETIC_SCORES[usize::from(!conditional)];
            vec![size, size, 0.0, 0.0, score]
        } else {
            vec![size, size, 0.0, 0.0, size, size]
        }
    }
}

impl Wiring for Unet {
    fn inputs(&self) -> Vec<&'static str> {
        let mut all = INPUTS.to_vec();
        if self.takes_size {
            all.extend(SIZE_INPUTS);
        }
        all
    }

    fn output(&self) -> &'static str {
        "out_sample"
    }

    fn constant(&self, conditions: &Conditions<'_>, batch: Batch) -> Inputs {
        let rows = conditions.rows();
        let mut constant = vec![("encoder_hidden_states", hidden_states(&rows))];
        if self.takes_size {
            let size = conditions.size as f32;
            let time_ids: Vec<f32> = (0..rows.len())
                .flat_map(|row| self.time_ids(size, row >= conditions.negatives.len()))
                .collect();
            let width = time_ids.len() / rows.len().max(1);
            constant.push(("text_embeds", pooled(&rows)));
            constant.push(("time_ids", Tensor::f32([rows.len(), width], time_ids)));
        }
        if let Some(width) = self.scale_width {
            let scale = conditions.scale.unwrap_or(LCM_SCALE);
            let embedded = scale_embedding(scale - 1.0, width).repeat(batch.rows);
            constant.push((OF_UNET, Tensor::f32([batch.rows, width], embedded)));
        }
        constant
    }

    fn changing(&self, timestep: f32, samples: Vec<f32>, batch: Batch) -> Inputs {
        let timestep = Tensor::f32(&self.timestep_shape[..], vec![timestep]);
        vec![("sample", batch.samples(samples)), ("timestep", timestep)]
    }
}
