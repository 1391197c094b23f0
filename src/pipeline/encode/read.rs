//! Reads a shard on one thread, and decodes and resizes its images on all workers.

use crate::config::key_fits;
use crate::imaging;
use crate::imaging::RgbImage;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::sources::Source;
use crate::shards::{LabelSource, ReadOptions, Sample};
use crate::store::tables::LatentRow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A decoded and resized image, ready for the device.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) row: LatentRow,
    pub(crate) pixels: RgbImage,
    /// The same image at the second encoder's size, if there is one.
    pub(crate) for_features: Option<RgbImage>,
}

/// The result of a sample.
pub(crate) enum Item {
    /// An image.
    Good(Prepared),
    /// A bad sample or shard.
    Bad(BadSample),
}

/// A bad sample or shard, with the reason.
pub(crate) struct BadSample {
    /// The key of the sample; empty where the damage hides the key.
    pub(crate) key: String,
    pub(crate) reason: String,
    /// Whether no sample of the shard could be read.
    pub(crate) whole_shard: bool,
}

impl BadSample {
    fn sample(key: String, reason: String) -> Self {
        Self { key, reason, whole_shard: false }
    }
}

/// An item of the reader thread.
pub(crate) enum Raw {
    /// A sample with its label, still compressed.
    Labelled { sample: Sample, class: String },
    /// Damaged, unlabelled or of an unknown class.
    Bad(BadSample),
}

/// Reads a shard to its end, or until the receiver is closed.
///
/// # Errors
/// If the shard can't be opened or read, or has no readable sample and the settings do not allow that; other damage is
/// passed on as [`Raw::Bad`].
pub(crate) fn read_shard(
    context: &Context,
    source: &Source,
    sender: &mpsc::Sender<Raw>,
) -> Result<(), StageError> {
    let data = &context.pipeline.data;
    let label = &data.label;
    let options = ReadOptions { extensions: wanted(&data.image, label), ..ReadOptions::default() };
    for (number, item) in source.open(options)?.enumerate() {
        let raw = match item {
            Ok(sample) => match labelled(context, label, sample) {
                Some(raw) => raw,
                // Other classes send nothing, so that a closed receiver has to be checked for.
                None if sender.is_closed() => return Ok(()),
                None => continue,
            },
            // The storage failed, not the data: the shard is tried again in the next run.
            Err(fault) if fault.reason.is_io() => return Err(fault.into()),
            Err(fault) => {
                // What ends a shard before its first sample leaves nothing of it.
                let whole_shard = fault.fatal && number == 0;
                let reason = fault.reason.to_string();
                if whole_shard && data.max_bad_shards == 0 {
                    return Err(StageError::Unreadable { shard: source.name.clone(), reason });
                }
                Raw::Bad(BadSample { key: fault.key.unwrap_or_default(), reason, whole_shard })
            }
        };
        if sender.blocking_send(raw).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

pub(crate) fn wanted(images: &[String], label: &LabelSource) -> Option<Vec<String>> {
    let mut extensions = images.to_vec();
    extensions.extend(label.extension().map(str::to_owned));
    Some(extensions)
}

/// A sample with its label; `None` if its class is skipped.
fn labelled(context: &Context, label: &LabelSource, sample: Sample) -> Option<Raw> {
    let class = match label.label(&sample) {
        Ok(class) => class,
        Err(error) => return Some(Raw::Bad(BadSample::sample(sample.key, error.to_string()))),
    };
    match &context.classes {
        None if !key_fits(&class) => {
            let reason = format!("the class key {class:?} is too long for a file name");
            Some(Raw::Bad(BadSample::sample(sample.key, reason)))
        }
        Some(list) if list.position(&class).is_none() => {
            let reason = || {
                format!("unknown class {class:?}: it is not in the class list ({})", list.looks())
            };
            let bad = !context.pipeline.data.skip_others;
            bad.then(|| Raw::Bad(BadSample::sample(sample.key, reason())))
        }
        _ => Some(Raw::Labelled { sample, class }),
    }
}

impl Raw {
    /// Decodes and resizes on a worker thread.
    pub(crate) async fn prepare(self, context: &Arc<Context>) -> Result<Item, StageError> {
        match self {
            Raw::Bad(left) => Ok(Item::Bad(left)),
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

pub(crate) fn decode(context: &Context, sample: Sample, class: String) -> Item {
    let (data, size) = (&context.pipeline.data, context.pipeline.encode.size as u32);
    let bytes = match sample.image(&data.image) {
        Ok((_, bytes)) => bytes,
        Err(reason) => {
            let reason = reason.to_string();
            return Item::Bad(BadSample::sample(sample.key, reason));
        }
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
        Err(error) => Item::Bad(BadSample::sample(sample.key, error.to_string())),
    }
}
