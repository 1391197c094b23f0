//! The UNet with its conditioning, as a [`Denoiser`] of a batch.

use super::{Denoiser, Prediction};
use crate::models::error::DiffusionError;
use crate::models::folder::ModelFolder;
use crate::models::text::PromptEmbedding;
use crate::onnx::{BoundGraph, Graph, GraphOptions, Runtime, Tensor};

/// The inputs; families that don't take the size have the first three.
const INPUTS: [&str; 5] =
    ["sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids"];
const WITHOUT_SIZE: usize = 3;

/// How many of them, from the first, are new at each step.
const CHANGING: usize = 2;

/// Aesthetic scores of the refiner's conditional and unconditional halves, as published.
const AESTHETIC_SCORES: [f32; 2] = [6.0, 2.5];

/// An open UNet.
pub(in crate::models) struct Unet {
    graph: Graph,
    timestep_shape: Vec<usize>,
    aesthetic: bool,
    /// Whether it takes the pooled prompt and the image's size.
    takes_size: bool,
}

impl Unet {
    /// Opens the UNet of a model folder.
    ///
    /// # Errors
    /// The graph's own, and [`DiffusionError::WrongGraph`] for a graph without the inputs of the model's family.
    pub fn load(
        folder: &ModelFolder,
        runtime: &Runtime,
        options: &GraphOptions,
    ) -> Result<Self, DiffusionError> {
        Self::from_graph(folder, Graph::open(runtime, &folder.denoiser, options)?)
    }

    pub(in crate::models) fn from_graph(
        folder: &ModelFolder,
        graph: Graph,
    ) -> Result<Self, DiffusionError> {
        let takes_size = folder.family.takes_size;
        let inputs = if takes_size { &INPUTS[..] } else { &INPUTS[..WITHOUT_SIZE] };
        if let Some(missing) = inputs.iter().find(|name| graph.input(name).is_none()) {
            let family = folder.family.name;
            let reason =
                format!("it lacks the input {missing}, so it is not the denoiser of {family}");
            return Err(DiffusionError::WrongGraph { path: graph.path().to_path_buf(), reason });
        }
        // A scalar since optimum 1.24, a vector of one before.
        let rank = graph.input("timestep").map_or(0, |port| port.rank());
        let aesthetic = folder.requires_aesthetics_score;
        Ok(Self { graph, timestep_shape: vec![1; rank], aesthetic, takes_size })
    }

    /// Binds a batch's prompts. `negatives` is empty in runs without classifier-free guidance,
    /// else as long as `prompts`. All embeddings have one shape; `size` is the image's in pixels.
    ///
    /// # Errors
    /// The graph's own, such as embeddings of another width than it takes.
    pub fn bind(
        &mut self,
        prompts: &[&PromptEmbedding],
        negatives: &[&PromptEmbedding],
        latent_shape: [usize; 3],
        size: usize,
    ) -> Result<BoundUnet<'_>, DiffusionError> {
        // Both halves go through the UNet in one run, the unconditional one first.
        let rows: Vec<&PromptEmbedding> = negatives.iter().chain(prompts).copied().collect();
        let (tokens, width) = rows.first().map_or((0, 0), |row| (row.tokens, row.width()));
        let hidden: Vec<f32> = rows.iter().flat_map(|row| &row.hidden).copied().collect();
        let pooled: Vec<f32> = rows.iter().flat_map(|row| &row.pooled).copied().collect();
        let pooled_width = pooled.len() / rows.len().max(1);
        let time_ids: Vec<f32> = (0..rows.len())
            .flat_map(|row| self.time_ids(size as f32, row >= negatives.len()))
            .collect();
        let time_width = time_ids.len() / rows.len().max(1);
        let mut constant = vec![
            ("encoder_hidden_states", Tensor::f32([rows.len(), tokens, width], hidden)),
            ("text_embeds", Tensor::f32([rows.len(), pooled_width], pooled)),
            ("time_ids", Tensor::f32([rows.len(), time_width], time_ids)),
        ];
        if !self.takes_size {
            constant.truncate(WITHOUT_SIZE - CHANGING);
        }
        let (rows, guided) = (rows.len(), !negatives.is_empty());
        let graph = self.graph.bind(constant, "out_sample")?;
        Ok(BoundUnet { graph, timestep_shape: &self.timestep_shape, rows, guided, latent_shape })
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

/// A UNet bound to a batch's prompts.
pub(in crate::models) struct BoundUnet<'a> {
    graph: BoundGraph<'a>,
    timestep_shape: &'a [usize],
    rows: usize,
    guided: bool,
    latent_shape: [usize; 3],
}

impl Denoiser for BoundUnet<'_> {
    fn predict(
        &mut self,
        step: usize,
        timestep: f32,
        input: &[f32],
    ) -> Result<Prediction, DiffusionError> {
        let [channels, height, width] = self.latent_shape;
        let copies = if self.guided { 2 } else { 1 };
        let shape = [self.rows, channels, height, width];
        let sample = Tensor::f32(shape, input.repeat(copies));
        let timestep_input = Tensor::f32(self.timestep_shape, vec![timestep]);
        let changing = vec![("sample", sample), ("timestep", timestep_input)];
        let mut output = self.graph.run(changing)?.into_f32();
        if output.len() != copies * input.len() {
            let reason = format!("{} values for {} samples", output.len(), self.rows);
            return Err(DiffusionError::WrongGraph {
                path: self.graph.path().to_path_buf(),
                reason,
            });
        }
        let images = non_finite(&output, self.rows, copies);
        if !images.is_empty() {
            let at = format!("at step {step} (timestep {timestep})");
            return Err(DiffusionError::NonFinite {
                path: self.graph.path().to_path_buf(),
                at,
                images,
            });
        }
        if !self.guided {
            return Ok(Prediction { conditional: output, unconditional: None });
        }
        let conditional = output.split_off(input.len());
        Ok(Prediction { conditional, unconditional: Some(output) })
    }
}

/// Positions of the images, of which `rows` hold `copies` each, with a value that isn't finite.
fn non_finite(output: &[f32], rows: usize, copies: usize) -> Vec<usize> {
    let size = (output.len() / rows.max(1)).max(1);
    let images = rows / copies.max(1);
    let bad = |row: &[f32]| row.iter().any(|value| !value.is_finite());
    let mut found: Vec<usize> = output
        .chunks(size)
        .enumerate()
        .filter(|(_, row)| bad(row))
        .map(|(row, _)| row % images.max(1))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_laid_to_their_image_in_either_half() {
        let mut output = vec![0.0f32; 12];
        assert!(non_finite(&output, 6, 2).is_empty());
        output[3] = f32::NAN;
        output[11] = f32::INFINITY;
        assert_eq!(non_finite(&output, 6, 2), [1, 2]);
        assert_eq!(non_finite(&output, 6, 1), [1, 5]);
    }
}
