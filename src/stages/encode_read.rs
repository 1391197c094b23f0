//! From a shard to prepared images: reading on one thread, decoding and resizing on all workers.

use super::context::Context;
use super::error::StageError;
use super::sources::Source;
use crate::config::key_fits;
use crate::imaging::{self, RgbImage};
use crate::shards::{LabelSource, ReadOptions, Sample};
use crate::store::tables::LatentRow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A decoded and resized image, ready for the device.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) row: LatentRow,
    pub(super) pixels: RgbImage,
    /// The same image at the second encoder's size, if there is one.
    pub(super) for_features: Option<RgbImage>,
}

/// What became of a sample.
pub(super) enum Item {
    /// An image.
    Good(Prepared),
    /// Left out.
    Bad { key: String, reason: String },
}

/// What the reader thread hands on.
pub(super) enum Raw {
    /// A sample with its label, still compressed.
    Labelled { sample: Sample, class: String },
    /// Damaged, unlabelled or of an unknown class.
    Bad { key: String, reason: String },
}

/// Reads a shard to its end, or until nobody listens any more.
///
/// # Errors
/// If the shard can't be opened or read; damage within it is passed on as [`Raw::Bad`].
pub(super) fn read_shard(
    context: &Context,
    source: &Source,
    sender: &mpsc::Sender<Raw>,
) -> Result<(), StageError> {
    let data = &context.pipeline.data;
    let label = &data.label;
    let options = ReadOptions { extensions: wanted(&data.image, label), ..ReadOptions::default() };
    for item in source.open(options)? {
        let raw = match item {
            Ok(sample) => match labelled(context, label, sample) {
                Some(raw) => raw,
                // Nothing is sent for long stretches of other classes, so that the end has to be asked for.
                None if sender.is_closed() => return Ok(()),
                None => continue,
            },
            // The storage failed, not the data: the shard is tried again in the next run.
            Err(fault) if fault.reason.is_io() => return Err(fault.into()),
            Err(fault) => {
                Raw::Bad { key: fault.key.unwrap_or_default(), reason: fault.reason.to_string() }
            }
        };
        if sender.blocking_send(raw).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn wanted(images: &[String], label: &LabelSource) -> Option<Vec<String>> {
    let mut extensions = images.to_vec();
    extensions.extend(label.extension().map(str::to_owned));
    Some(extensions)
}

/// A sample with its label; `None` for one of a class that is not asked for.
fn labelled(context: &Context, label: &LabelSource, sample: Sample) -> Option<Raw> {
    let class = match label.label(&sample) {
        Ok(class) => class,
        Err(error) => return Some(Raw::Bad { key: sample.key, reason: error.to_string() }),
    };
    match &context.classes {
        None if !key_fits(&class) => {
            let reason = format!("the class key {class:?} is too long for a file name");
            Some(Raw::Bad { key: sample.key, reason })
        }
        Some(list) if list.position(&class).is_none() => {
            let reason = format!("unknown class {class:?}: it is not in the class list");
            let bad = !context.pipeline.data.skip_others;
            bad.then_some(Raw::Bad { key: sample.key, reason })
        }
        _ => Some(Raw::Labelled { sample, class }),
    }
}

impl Raw {
    /// Decodes and resizes on a worker thread.
    pub(super) async fn prepare(self, context: &Arc<Context>) -> Result<Item, StageError> {
        match self {
            Raw::Bad { key, reason } => Ok(Item::Bad { key, reason }),
            Raw::Labelled { sample, class } => {
                let permit = context.worker().await?;
                let context = context.clone();
                let item = tokio::task::spawn_blocking(move || {
                    let item = decode(&context, sample, class);
                    drop(permit);
                    item
                });
                Ok(item.await?)
            }
        }
    }
}

pub(super) fn decode(context: &Context, sample: Sample, class: String) -> Item {
    let (data, size) = (&context.pipeline.data, context.pipeline.encode.size as u32);
    let Some(bytes) = data.image.iter().find_map(|ext| sample.get(ext)) else {
        let reason = format!("no image: it has no member .{}", data.image.join(", ."));
        return Item::Bad { key: sample.key, reason };
    };
    let second = context.pipeline.features.model.as_ref();
    let second = second.map(|_| context.pipeline.features.size as u32);
    let prepared = imaging::decode_rgb(bytes, context.decode_options()).and_then(|image| {
        let pixels = imaging::resize_lanczos(&image, size, size)?;
        let resized = second.map(|size| imaging::resize_lanczos(&image, size, size));
        let dim = imaging::has_few_of_sixteen_bits(bytes, &image);
        Ok((image.dimensions(), pixels, resized.transpose()?, dim))
    });
    match prepared {
        Ok(((width, height), pixels, for_features, dim)) => {
            if dim {
                context.warn_of_dim_image(&sample.key);
            }
            let (index, offset) = (sample.index as u32, sample.offset);
            let row = LatentRow { key: sample.key, class, width, height, index, offset };
            Item::Good(Prepared { row, pixels, for_features })
        }
        Err(error) => Item::Bad { key: sample.key, reason: error.to_string() },
    }
}
