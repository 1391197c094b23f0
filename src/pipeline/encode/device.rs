//! The device's half of `encode`: a group of prepared images to latents and, with a second encoder, features.

use super::read::Prepared;
use crate::config::Features;
use crate::discovery::{DiscoveryError, Matrix, features};
use crate::imaging::write_tensor;
use crate::models::Encoder;
use crate::models::image_features::{FeatureEncoder, Preprocessing};
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;

/// An image with what the device made of it.
pub(crate) struct Encoded {
    pub(crate) image: Prepared,
    pub(crate) latent: Vec<f32>,
    /// Empty without a second encoder.
    pub(crate) feature: Vec<f32>,
}

/// The pipeline's second encoder, if it has one.
pub(crate) fn second(
    context: &Context,
    device: Device,
) -> Result<Option<FeatureEncoder>, StageError> {
    let Some(path) = context.pipeline.features.model.as_deref() else { return Ok(None) };
    let (runtime, _) = context.runtime()?;
    let options = context.graph_options(device);
    let features = &context.pipeline.features;
    let settings = Preprocessing { size: features.size, mean: features.mean, std: features.std };
    let (output, batch) = (features.output.as_deref(), context.pipeline.encode.batch);
    Ok(Some(FeatureEncoder::load(path, (runtime, &options), settings, output, batch)?))
}

/// The model's image encoder and, if the pipeline has one, a second.
pub(crate) struct Encoders {
    pub(crate) first: Encoder,
    pub(crate) second: Option<FeatureEncoder>,
    size: usize,
    batch: usize,
    /// Whether every other number of images costs minutes.
    one_shape: bool,
    keep: Features,
    /// Channels, height, width of a latent.
    shape: [usize; 3],
}

impl Encoders {
    pub(crate) fn load(context: &Context, device: Device) -> Result<Self, StageError> {
        Self::with(second(context, device)?, context, device)
    }

    pub(crate) fn with(
        second: Option<FeatureEncoder>,
        context: &Context,
        device: Device,
    ) -> Result<Self, StageError> {
        let (runtime, _) = context.runtime()?;
        let options = context.graph_options(device);
        let first = Encoder::load(&context.model, runtime, &options)?;
        let encode = &context.pipeline.encode;
        // TensorRT builds an engine for each shape.
        let one_shape = matches!(device, Device::TensorRt(_));
        let shape = context.model.latent_shape(encode.size)?;
        let (size, batch, keep) = (encode.size, encode.batch, context.pipeline.kept());
        Ok(Self { first, second, size, batch, one_shape, keep, shape })
    }

    /// What is kept of `count` latents.
    fn kept(&self, latents: Vec<f32>, count: usize) -> Result<Vec<f32>, StageError> {
        let Features::Grid(cells) = self.keep else { return Ok(latents) };
        let [channels, height, width] = self.shape;
        let pooled = Matrix::new(count, latents.len() / count.max(1), latents)
            .map_err(DiscoveryError::from)
            .and_then(|latents| features::grid(&latents, channels, height, width, cells));
        Ok(pooled.map_err(|e| StageError::Other(format!("[encode] keep: {e}")))?.into_values())
    }

    pub(crate) fn encode(&mut self, images: Vec<Prepared>) -> Result<Vec<Encoded>, StageError> {
        let (values, count) = (3 * self.size * self.size, images.len());
        let filled = if self.one_shape { self.batch } else { padded(count, self.batch) };
        let mut pixels = vec![0.0; count * values];
        for (image, target) in images.iter().zip(pixels.chunks_exact_mut(values)) {
            write_tensor(&image.pixels, target)?;
        }
        let latents = self.first.encode_padded(pixels, count, filled, self.size)?;
        let latents = self.kept(latents, count)?;
        let latents = latents.chunks_exact((latents.len() / count.max(1)).max(1));
        let mut features = match &mut self.second {
            None => vec![Vec::new(); count],
            Some(second) => {
                let resized: Vec<_> =
                    images.iter().filter_map(|i| i.for_features.as_ref()).collect();
                second.encode(&resized)?
            }
        };
        let encoded = images.into_iter().zip(latents).zip(features.drain(..));
        Ok(encoded
            .map(|((image, latent), feature)| Encoded { image, latent: latent.to_vec(), feature })
            .collect())
    }
}

/// How many images a group of `count` is filled up to: a power of two, for a data set of many small shards ends many
/// groups early, and a graph prepares for each number that it meets. The number depends on the shard alone: an image's
/// last bits must not change with what else happened to be under way.
fn padded(count: usize, batch: usize) -> usize {
    count.next_power_of_two().min(batch)
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn short_groups_cost_less_than_twice_their_images_and_come_in_few_sizes() {
        assert_eq!(
            [1, 2, 3, 5, 17, 24, 31, 32].map(|n| padded(n, 32)),
            [1, 2, 4, 8, 32, 32, 32, 32]
        );
        assert_eq!([1, 4, 5, 6].map(|n| padded(n, 6)), [1, 4, 6, 6]);
        for (count, batch) in (1..=100).flat_map(|b| (1..=b).map(move |c| (c, b))) {
            let filled = padded(count, batch);
            assert!(filled >= count && filled <= batch && filled < 2 * count.max(1) + 1);
        }
    }
}
