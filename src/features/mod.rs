//! Features of images from any encoder exported to ONNX (DINOv2, CLIP's vision tower, a ResNet), for discovery only.

use crate::imaging::{ImagingError, RgbImage, write_normalized};
use crate::onnx::{Graph, GraphOptions, OnnxError, Runtime, Tensor};
use std::path::{Path, PathBuf};

/// Why features can't be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The graph itself.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// An image of another size.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// A graph that is no image encoder, or values that are none.
    #[error("{path}: {reason}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// How an image becomes the encoder's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// Side of the square image in pixels.
    pub size: usize,
    /// Subtracted from each channel's values (0 to 1).
    pub mean: [f64; 3],
    /// What they are then divided by.
    pub std: [f64; 3],
}

/// An image encoder with a fixed batch.
pub struct FeatureEncoder {
    graph: Graph,
    input: String,
    output: String,
    preprocessing: Preprocessing,
    batch: usize,
    width: usize,
}

impl FeatureEncoder {
    /// Opens the graph at `path` and learns the length of its features from a blank batch. `output` names the output to
    /// take; the first if none is named.
    ///
    /// # Errors
    /// The graph's own, and [`FeatureError::Graph`] if it does not take images alone.
    pub fn load(
        path: &Path,
        (runtime, options): (&Runtime, &GraphOptions),
        preprocessing: Preprocessing,
        output: Option<&str>,
        batch: usize,
    ) -> Result<Self, FeatureError> {
        let graph = Graph::open(runtime, path, options)?;
        let refuse = |reason: String| FeatureError::Graph { path: path.to_owned(), reason };
        let names = |ports: &[crate::onnx::Port]| {
            ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>().join(", ")
        };
        let input = match graph.inputs() {
            [image] if image.rank() == 4 => image.name.clone(),
            inputs => {
                return Err(refuse(format!(
                    "its inputs are {}, where one of rank 4 (images) is needed: export the image encoder alone",
                    names(inputs)
                )));
            }
        };
        let outputs = graph.outputs();
        let found = match output {
            None => outputs.first(),
            Some(name) => outputs.iter().find(|port| port.name == name),
        };
        let output = found.map(|port| port.name.clone()).ok_or_else(|| {
            let wanted = output.unwrap_or_default();
            refuse(format!(
                "it has no output {wanted:?}; [features] output can be {}",
                names(outputs)
            ))
        })?;
        let mut encoder =
            Self { graph, input, output, preprocessing, batch: batch.max(1), width: 0 };
        let side = preprocessing.size as u32;
        let blank = encoder.encode(&[&RgbImage::new(side, side)])?;
        encoder.width = blank.first().map_or(0, Vec::len);
        if encoder.width == 0 {
            return Err(encoder.refuse("its output is empty"));
        }
        Ok(encoder)
    }

    /// Values of one feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One feature an image, for at most `batch` images of `size` × `size` pixels. The last image is repeated to fill
    /// the batch: a feature's last bits never depend on how many images were left.
    ///
    /// # Errors
    /// The graph's own, and values that are not finite.
    pub fn encode(&mut self, images: &[&RgbImage]) -> Result<Vec<Vec<f32>>, FeatureError> {
        let Preprocessing { size, mean, std } = self.preprocessing;
        let mut pixels = vec![0.0; self.batch * 3 * size * size];
        for (slot, target) in pixels.chunks_exact_mut(3 * size * size).enumerate() {
            if let Some(image) = images.get(slot).or(images.last()) {
                write_normalized(image, (mean, std), target)?;
            }
        }
        let input = Tensor::f32([self.batch, 3, size, size], pixels);
        let outputs = self.graph.run(&[(self.input.as_str(), input)], &[self.output.as_str()])?;
        let output = outputs.into_iter().next().ok_or_else(|| self.refuse("it gave no output"))?;
        if output.shape.first() != Some(&self.batch) {
            let reason =
                format!("{} has shape {:?}, not one row an image", self.output, output.shape);
            return Err(self.refuse(&reason));
        }
        let values = output.into_f32();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.refuse("it gives values that are not finite: use an fp32 export"));
        }
        let width = values.len() / self.batch;
        let rows = values.chunks_exact(width.max(1)).take(images.len());
        Ok(rows.map(<[f32]>::to_vec).collect())
    }

    fn refuse(&self, reason: &str) -> FeatureError {
        FeatureError::Graph { path: self.graph.path().to_owned(), reason: reason.to_owned() }
    }
}
