//! The image autoencoder: pixels to latents and back.

use std::path::Path;

use super::error::DiffusionError;
use super::folder::{ModelFolder, VaeConfig};
use super::latent_output::{LatentOutput, PARAMETERS};
use crate::onnx::{Graph, GraphOptions, Runtime, Tensor};

/// Images to latents.
pub struct Encoder {
    graph: Graph,
    config: VaeConfig,
    /// The output that is read.
    output: &'static str,
}

/// Latents to images.
pub struct Decoder {
    graph: Graph,
    config: VaeConfig,
}

/// An image of 8-bit RGB pixels, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedImage {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `height` × `width` × 3 values.
    pub rgb: Vec<u8>,
}

impl Encoder {
    /// Opens the image encoder of a model folder.
    ///
    /// # Errors
    /// The graph's own, and [`DiffusionError::WrongGraph`] for one whose output is no latent. An encoder that draws its
    /// latent, as optimum exported it up to 1.22, is cut before the draw.
    pub fn load(
        folder: &ModelFolder,
        runtime: &Runtime,
        options: &GraphOptions,
    ) -> Result<Self, DiffusionError> {
        let path = &folder.vae_encoder;
        let output =
            LatentOutput::of(path, &folder.vae).map_err(|fault| wrong(path, fault.to_string()))?;
        Ok(Self::from_graph(folder, output.open(runtime, path, options)?, &output))
    }

    pub(super) fn from_graph(folder: &ModelFolder, graph: Graph, output: &LatentOutput) -> Self {
        Self { graph, config: folder.vae.clone(), output: output.name() }
    }

    /// Latents of `count` images of `size` by `size` pixels, all in one run of the graph.
    ///
    /// `pixels` holds count × 3 × size × size values in −1..1. The result holds
    /// count × C × size/f × size/f: the posterior's mean, scaled for the UNet.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] for a length or size that doesn't fit, the graph's own, and
    /// non-finite output.
    pub fn encode(
        &mut self,
        pixels: &[f32],
        count: usize,
        size: usize,
    ) -> Result<Vec<f32>, DiffusionError> {
        let [channels, height, width] = self.config.latent_shape(size)?;
        if pixels.len() != count * 3 * size * size {
            let reason = format!("{} values for {count} images of {size} pixels", pixels.len());
            return Err(DiffusionError::Setting { name: "pixels", reason });
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let inputs = [("sample", Tensor::f32([count, 3, size, size], pixels.to_vec()))];
        let yielded = run_one(&mut self.graph, &inputs, self.output)?;
        let latent = channels * height * width;
        // The mean's channels come first, then the log-variance's; a latent by itself is the mean.
        let halves = if self.output == PARAMETERS { 2 } else { 1 };
        expect_shape(&self.graph, &yielded, &[count, halves * channels, height, width])?;
        let yielded = yielded.into_f32();
        let means = yielded.chunks_exact(halves * latent).map(|all| &all[..latent]);
        let mut latents: Vec<f32> = means.flatten().copied().collect();
        latents.chunks_exact_mut(latent).for_each(|latent| self.config.normalise(latent));
        check_finite(&self.graph, &latents, Vec::new(), "in the latents")?;
        Ok(latents)
    }
}

impl Encoder {
    /// As [`Encoder::encode`], in a run of `batch` images: the last one is repeated to fill it, so that the shape of
    /// the computation, and with it the last bits of its result, never depends on how many images were left.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn encode_padded(
        &mut self,
        mut pixels: Vec<f32>,
        count: usize,
        batch: usize,
        size: usize,
    ) -> Result<Vec<f32>, DiffusionError> {
        let batch = batch.max(count);
        if let Some(last) = pixels.len().checked_sub(3 * size * size) {
            for _ in count..batch {
                pixels.extend_from_within(last..last + 3 * size * size);
            }
        }
        let mut latents = self.encode(&pixels, if count == 0 { 0 } else { batch }, size)?;
        latents.truncate(latents.len() / batch.max(1) * count);
        Ok(latents)
    }
}

impl Decoder {
    /// Opens the image decoder of a model folder.
    ///
    /// # Errors
    /// The graph's own.
    pub fn load(
        folder: &ModelFolder,
        runtime: &Runtime,
        options: &GraphOptions,
    ) -> Result<Self, DiffusionError> {
        Ok(Self::from_graph(folder, Graph::open(runtime, &folder.vae_decoder, options)?))
    }

    pub(super) fn from_graph(folder: &ModelFolder, graph: Graph) -> Self {
        Self { graph, config: folder.vae.clone() }
    }

    /// The image of one latent of shape C × height × width. One at a time: at 1,024 pixels the
    /// decoder needs more memory per image than the UNet.
    ///
    /// # Errors
    /// The graph's own, and non-finite output.
    pub fn decode(
        &mut self,
        latent: &[f32],
        [channels, height, width]: [usize; 3],
    ) -> Result<DecodedImage, DiffusionError> {
        let mut scaled = latent.to_vec();
        self.config.denormalise(&mut scaled);
        let inputs = [("latent_sample", Tensor::f32([1, channels, height, width], scaled))];
        let image = run_one(&mut self.graph, &inputs, "sample")?;
        let (width, height) = (width * self.config.scale(), height * self.config.scale());
        expect_shape(&self.graph, &image, &[1, 3, height, width])?;
        let planes = image.into_f32();
        check_finite(&self.graph, &planes, vec![0], "in the decoded image")?;
        Ok(DecodedImage { width, height, rgb: interleave(&planes, width * height) })
    }
}

impl VaeConfig {
    /// From the encoder's mean to the UNet's latents, in place.
    fn normalise(&self, latent: &mut [f32]) {
        let shift = self.shift_factor.unwrap_or(0.0);
        self.per_channel(latent, |value, mean, deviation| {
            (value - shift - mean) * self.scaling_factor / deviation
        });
    }

    /// Back again.
    fn denormalise(&self, latent: &mut [f32]) {
        let shift = self.shift_factor.unwrap_or(0.0);
        self.per_channel(latent, |value, mean, deviation| {
            value * deviation / self.scaling_factor + mean + shift
        });
    }

    fn per_channel(&self, latent: &mut [f32], change: impl Fn(f32, f32, f32) -> f32) {
        let at = |values: &Option<Vec<f32>>, channel: usize, otherwise: f32| {
            values.as_ref().and_then(|values| values.get(channel)).copied().unwrap_or(otherwise)
        };
        let plane = (latent.len() / self.latent_channels).max(1);
        for (channel, values) in latent.chunks_mut(plane).enumerate() {
            let mean = at(&self.latents_mean, channel, 0.0);
            let deviation = at(&self.latents_std, channel, 1.0);
            values.iter_mut().for_each(|value| *value = change(*value, mean, deviation));
        }
    }
}

/// From three planes in −1..1 to 8-bit pixels, rounding ties to even as NumPy does.
fn interleave(planes: &[f32], plane: usize) -> Vec<u8> {
    let byte = |value: f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
    (0..plane)
        .flat_map(|i| [planes[i], planes[plane + i], planes[2 * plane + i]])
        .map(byte)
        .collect()
}

fn run_one(
    graph: &mut Graph,
    inputs: &[(&str, Tensor)],
    output: &str,
) -> Result<Tensor, DiffusionError> {
    let outputs = graph.run(inputs, &[output])?;
    let missing = || wrong(graph.path(), format!("no output {output}"));
    outputs.into_iter().next().ok_or_else(missing)
}

fn expect_shape(graph: &Graph, tensor: &Tensor, shape: &[usize]) -> Result<(), DiffusionError> {
    if tensor.shape == shape {
        return Ok(());
    }
    let reason = format!("its output has shape {:?}, not {shape:?}", tensor.shape);
    Err(wrong(graph.path(), reason))
}

fn check_finite(
    graph: &Graph,
    values: &[f32],
    images: Vec<usize>,
    at: &str,
) -> Result<(), DiffusionError> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let (path, at) = (graph.path().to_path_buf(), at.to_owned());
    Err(DiffusionError::NonFinite { path, at, images })
}

fn wrong(path: &Path, reason: String) -> DiffusionError {
    DiffusionError::WrongGraph { path: path.to_path_buf(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_clamped_interleaved_and_rounded_to_even() {
        // 0.5/255 and 1.5/255 of the range, then beyond both ends.
        let tie = |level: f32| (level / 255.0 - 0.5) * 2.0;
        let planes = [-3.0, tie(100.0), 5.0, 1.0, tie(7.0), -1.0];
        assert_eq!(interleave(&planes, 2), [0, 255, 7, 100, 255, 0]);
    }

    #[test]
    fn scaling_with_means_and_deviations_is_undone() {
        let config = VaeConfig {
            latent_channels: 2,
            block_out_channels: vec![1, 1],
            scaling_factor: 0.5,
            shift_factor: Some(0.25),
            latents_mean: Some(vec![1.0, -1.0]),
            latents_std: Some(vec![2.0, 4.0]),
        };
        let original = [0.5f32, 1.5, -2.0, 3.0];
        let mut latent = original;
        config.normalise(&mut latent);
        assert_eq!(latent, [-0.1875, 0.0625, -0.15625, 0.46875]);
        config.denormalise(&mut latent);
        assert_eq!(latent, original);
    }
}
