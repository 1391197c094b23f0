//! The device's half of `encode`: a group of prepared images to latents and, with a second encoder, features.

use super::context::Context;
use super::encode_read::Prepared;
use super::error::StageError;
use crate::dataflow::DevicePool;
use crate::diffusion::Encoder;
use crate::features::{FeatureEncoder, Preprocessing};
use crate::imaging::write_tensor;
use crate::onnx::Device;
use std::sync::{Arc, OnceLock};

/// An image with what the device made of it.
pub(super) struct Encoded {
    pub(super) image: Prepared,
    pub(super) latent: Vec<f32>,
    /// Empty without a second encoder.
    pub(super) feature: Vec<f32>,
}

/// Groups in, their latents and features out.
pub(super) type Pool = DevicePool<Vec<Prepared>, Vec<Encoded>, StageError>;

/// Starts a thread a device. `width` is told how long a feature is.
pub(super) async fn start_pool(
    context: &Arc<Context>,
    width: &Arc<OnceLock<Option<usize>>>,
) -> Result<Pool, StageError> {
    let devices = context.runtime()?.1.clone();
    let makers = devices.into_iter().map(|device| {
        let (context, width) = (context.clone(), width.clone());
        move || {
            let mut encoders = Encoders::load(&context, device)?;
            width.get_or_init(|| encoders.second.as_ref().map(FeatureEncoder::width));
            Ok(move |images: Vec<Prepared>| encoders.encode(images))
        }
    });
    DevicePool::start(makers.collect()).await
}

/// The model's image encoder and, if the pipeline has one, a second.
pub(super) struct Encoders {
    pub(super) first: Encoder,
    second: Option<FeatureEncoder>,
    size: usize,
    batch: usize,
}

impl Encoders {
    pub(super) fn load(context: &Context, device: Device) -> Result<Self, StageError> {
        let (runtime, _) = context.runtime()?;
        let first = Encoder::load(&context.model, runtime, device, context.threads())?;
        let (encode, features) = (&context.pipeline.encode, &context.pipeline.features);
        let settings =
            Preprocessing { size: features.size, mean: features.mean, std: features.std };
        let load = |path| {
            let place = (runtime, device, context.threads());
            FeatureEncoder::load(path, place, settings, features.output.as_deref(), encode.batch)
        };
        let second = features.model.as_deref().map(load).transpose()?;
        Ok(Self { first, second, size: encode.size, batch: encode.batch })
    }

    pub(super) fn encode(&mut self, images: Vec<Prepared>) -> Result<Vec<Encoded>, StageError> {
        let (values, count) = (3 * self.size * self.size, images.len());
        let mut pixels = vec![0.0; count * values];
        for (image, target) in images.iter().zip(pixels.chunks_exact_mut(values)) {
            write_tensor(&image.pixels, target)?;
        }
        let latents = self.first.encode_padded(pixels, count, self.batch, self.size)?;
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
