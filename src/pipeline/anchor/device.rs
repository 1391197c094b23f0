//! The device's side of `anchor` and of the audit: images to latents, at the size asked for.

use crate::engine::DevicePool;
use crate::imaging::{RgbImage, write_tensor};
use crate::models::Encoder;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use std::sync::Arc;

/// A class's images in, their latents out, one after another.
pub(crate) type Pool = DevicePool<Vec<RgbImage>, Vec<f32>, StageError>;

/// Starts a thread a device. Images are squares of `size` pixels and go through the graph up to `batch` at a time.
pub(crate) async fn start_pool(
    context: &Arc<Context>,
    size: usize,
    batch: usize,
) -> Result<Pool, StageError> {
    let devices = context.devices().await?;
    let makers = devices.into_iter().map(|device| {
        let context = context.clone();
        move || {
            let (runtime, _) = context.runtime()?;
            let mut encoder =
                Encoder::load(&context.model, runtime, &context.graph_options(device))?;
            Ok(move |images: Vec<RgbImage>| encode(&mut encoder, &images, size, batch))
        }
    });
    DevicePool::start(makers.collect()).await
}

/// In runs of equal length, so that little is padded: ten images at eight a run are twice five.
pub(crate) fn encode(
    encoder: &mut Encoder,
    images: &[RgbImage],
    size: usize,
    batch: usize,
) -> Result<Vec<f32>, StageError> {
    let runs = images.len().div_ceil(batch.max(1)).max(1);
    let each = images.len().div_ceil(runs).max(1);
    let mut latents = Vec::new();
    for group in images.chunks(each) {
        let mut pixels = vec![0.0; group.len() * 3 * size * size];
        for (image, target) in group.iter().zip(pixels.chunks_exact_mut(3 * size * size)) {
            write_tensor(image, target)?;
        }
        latents.extend(encoder.encode_padded(pixels, group.len(), each, size)?);
    }
    Ok(latents)
}
