//! An open denoiser of any kind, and the same bound to a batch's prompts.

use super::flux::Flux;
use super::non_finite::non_finite;
use super::sana::Sana;
use super::scale_input::scale_mismatch;
use super::stable_diffusion_3::StableDiffusion3;
use super::unet::Unet;
use super::wiring::{Batch, Wiring};
use super::{Conditions, Denoiser, Prediction};
use crate::models::error::DiffusionError;
use crate::models::family::Conditioning;
use crate::models::folder::ModelFolder;
use crate::onnx::{BoundGraph, Graph, GraphOptions, Runtime};

/// An open denoiser.
pub(in crate::models) struct Network {
    graph: Graph,
    wiring: Box<dyn Wiring + Send>,
}

impl Network {
    /// Opens the denoiser of a model folder.
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
        let wrong = |reason: String| DiffusionError::WrongGraph {
            path: graph.path().to_path_buf(),
            reason,
        };
        let has = |name: &str| graph.input(name).is_some();
        let scale = scale_mismatch(folder.family.conditioning, folder.scale_input, has);
        if let Some(reason) = scale {
            return Err(wrong(reason));
        }
        let made: Result<Box<dyn Wiring + Send>, String> = match folder.family.conditioning {
            Conditioning::Unet | Conditioning::UnetWithSize => {
                Ok(Box::new(Unet::new(folder, &graph)))
            }
            Conditioning::Joint => Ok(Box::new(StableDiffusion3::new(&graph))),
            Conditioning::Packed => Flux::new(folder, &graph).map(|flux| Box::new(flux) as _),
            Conditioning::Masked => Ok(Box::new(Sana::new(folder, &graph))),
        };
        let wiring = made.map_err(wrong)?;
        if let Some(missing) = wiring.inputs().iter().find(|name| graph.input(name).is_none()) {
            let family = folder.family.name;
            let reason =
                format!("it lacks the input {missing}, so it is not the denoiser of {family}");
            return Err(wrong(reason));
        }
        Ok(Self { graph, wiring })
    }

    /// Binds what a batch is denoised under.
    ///
    /// # Errors
    /// The graph's own, such as embeddings of another width than it takes.
    pub fn bind(&mut self, conditions: &Conditions<'_>) -> Result<Bound<'_>, DiffusionError> {
        let guided = !conditions.negatives.is_empty();
        let rows = conditions.negatives.len() + conditions.prompts.len();
        let batch = Batch { rows, latent: conditions.latent_shape };
        let wiring = self.wiring.as_ref();
        let constant = wiring.constant(conditions, batch);
        let graph = self.graph.bind(constant, wiring.output())?;
        Ok(Bound { graph, wiring, batch, guided })
    }
}

/// A denoiser bound to a batch's prompts.
pub(in crate::models) struct Bound<'a> {
    graph: BoundGraph<'a>,
    wiring: &'a (dyn Wiring + Send),
    batch: Batch,
    guided: bool,
}

impl Denoiser for Bound<'_> {
    fn predict(
        &mut self,
        step: usize,
        timestep: f32,
        input: &[f32],
    ) -> Result<Prediction, DiffusionError> {
        let (batch, copies) = (self.batch, if self.guided { 2 } else { 1 });
        let changing = self.wiring.changing(timestep, input.repeat(copies), batch);
        let output = self.graph.run(changing)?.into_f32();
        let mut output = self.wiring.latents(output, batch);
        let path = || self.graph.path().to_path_buf();
        if output.len() != copies * input.len() {
            let reason = format!("{} values for {} samples", output.len(), batch.rows);
            return Err(DiffusionError::WrongGraph { path: path(), reason });
        }
        let images = non_finite(&output, batch.rows, copies);
        if !images.is_empty() {
            let at = format!("at step {step} (timestep {timestep})");
            return Err(DiffusionError::NonFinite { path: path(), at, images });
        }
        if !self.guided {
            return Ok(Prediction { conditional: output, unconditional: None });
        }
        let conditional = output.split_off(input.len());
        Ok(Prediction { conditional, unconditional: Some(output) })
    }
}
