//! Images of the data set for measurements.

use crate::pipeline::context::Context;
use crate::pipeline::encode::read::{Item, Prepared, decode, wanted};
use crate::pipeline::error::StageError;
use crate::pipeline::sources::Source;
use crate::shards::{ReadOptions, Sample};

/// An image of the data set for measurements.
pub(crate) struct Picture {
    pub(crate) sample: Sample,
    pub(crate) class: String,
}

impl Picture {
    /// Decodes and resizes the image as `encode` does.
    pub(crate) fn prepare(&self, context: &Context) -> Option<Prepared> {
        match decode(context, self.sample.clone(), self.class.clone()) {
            Item::Good(prepared) => Some(prepared),
            Item::Bad { .. } => None,
        }
    }

    /// The image file.
    pub(crate) fn bytes(&self, context: &Context) -> Option<&[u8]> {
        context.pipeline.data.image.iter().find_map(|extension| self.sample.get(extension))
    }
}

/// Up to `most` good images from a few shards across the data set.
///
/// # Errors
/// If a shard can't be read.
pub(crate) fn pictures(
    context: &Context,
    sources: &[Source],
    most: usize,
) -> Result<Vec<Picture>, StageError> {
    let data = &context.pipeline.data;
    let shards = sources.len().clamp(1, 4);
    let mut pictures = Vec::new();
    for source in (0..shards).filter_map(|n| sources.get(n * sources.len() / shards)) {
        let options =
            ReadOptions { extensions: wanted(&data.image, &data.label), ..ReadOptions::default() };
        let good = source.open(options)?.filter_map(|item| {
            let sample = item.ok()?;
            let class = data.label.label(&sample).ok()?;
            let listed =
                context.classes.as_ref().is_none_or(|list| list.position(&class).is_some());
            let picture = Picture { sample, class };
            (listed && picture.prepare(context).is_some()).then_some(picture)
        });
        pictures.extend(good.take(most.div_ceil(shards)));
    }
    Ok(pictures)
}
