//! The device threads of `encode`.

use super::device::{Encoded, Encoders, second};
use super::read::Prepared;
use crate::engine::DevicePool;
use crate::models::image_features::FeatureEncoder;
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use std::sync::{Arc, OnceLock};

/// Groups in, their latents and features out.
pub(crate) type Pool = DevicePool<Vec<Prepared>, Vec<Encoded>, StageError>;

/// Starts a thread for each device. `width` receives the width of a feature. With `alone`, the second encoder's features are
/// made in the place of latents.
pub(crate) async fn start_pool(
    context: &Arc<Context>,
    width: &Arc<OnceLock<Option<usize>>>,
    alone: bool,
) -> Result<Pool, StageError> {
    let devices = context.devices().await?;
    let makers = devices.into_iter().map(|device| {
        let (context, width) = (context.clone(), width.clone());
        move || {
            let mut encoders = Devices::load(&context, device, alone)?;
            width.get_or_init(|| encoders.width());
            Ok(move |images: Vec<Prepared>| encoders.encode(images))
        }
    });
    DevicePool::start(makers.collect()).await
}

/// What a device computes with.
enum Devices {
    Run(Box<Encoders>),
    Alone(Box<FeatureEncoder>),
}

impl Devices {
    fn load(context: &Context, device: Device, alone: bool) -> Result<Self, StageError> {
        Ok(match second(context, device)? {
            Some(second) if alone => Self::Alone(Box::new(second)),
            second => Self::Run(Box::new(Encoders::with(second, context, device)?)),
        })
    }

    fn width(&self) -> Option<usize> {
        match self {
            Self::Run(encoders) => encoders.second.as_ref().map(FeatureEncoder::width),
            Self::Alone(second) => Some(second.width()),
        }
    }

    fn encode(&mut self, images: Vec<Prepared>) -> Result<Vec<Encoded>, StageError> {
        match self {
            Self::Run(encoders) => encoders.encode(images),
            Self::Alone(second) => {
                let resized: Vec<_> =
                    images.iter().filter_map(|i| i.for_features.as_ref()).collect();
                let features = second.encode(&resized)?;
                let encoded = images.into_iter().zip(features);
                let one = |(image, latent)| Encoded { image, latent, feature: Vec::new() };
                Ok(encoded.map(one).collect())
            }
        }
    }
}
