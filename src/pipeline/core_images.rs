//! The source images of the cores, and of the members of anchors, as fetched.

use super::context::Context;
use super::error::StageError;
use super::sources::Source;
use crate::imaging;
use crate::imaging::{ImagingError, RgbImage};
use crate::shards::{ReadOptions, ShardIdentity, ShardPlace, ShardReader};
use crate::store::file_stem;
use crate::store::tables::CoreRow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The key of a core, `CLASS_RANK`, in fetched tars and in both sets.
pub(crate) fn core_image_key(class: &str, rank: usize) -> String {
    format!("{}_{rank:04}", file_stem(class))
}

/// The key of a member of an anchor that is no core, `CLASS_RANK_POSITION`, in fetched tars.
pub(crate) fn member_image_key(class: &str, rank: usize, position: usize) -> String {
    format!("{}_{position:05}", core_image_key(class, rank))
}

/// The path of the fetched images of a source shard, below the run directory.
pub(crate) fn part_name(number: usize) -> String {
    format!("fetch/part-{number:06}.tar")
}

/// Offsets of a part's samples by key.
type Places = Arc<BTreeMap<String, u64>>;

/// Decodes a source image and resizes it to a square of `size` pixels.
pub(crate) fn decode_resized(
    context: &Context,
    bytes: &[u8],
    size: usize,
) -> Result<RgbImage, ImagingError> {
    imaging::decode_rgb(bytes, context.decode_options())
        .and_then(|image| imaging::resize_lanczos(&image, size as u32, size as u32))
}

/// The fetched images of the cores.
pub(crate) struct CoreImages {
    context: Arc<Context>,
    /// Number of each source shard by name.
    numbers: HashMap<String, usize>,
    /// The sample offsets of each part that was opened.
    parts: Mutex<HashMap<usize, Places>>,
}

impl CoreImages {
    pub(crate) fn new(context: Arc<Context>, sources: &[Source]) -> Self {
        let numbers = sources.iter().enumerate().map(|(i, s)| (s.name.clone(), i)).collect();
        Self { context, numbers, parts: Mutex::default() }
    }

    /// The core of `class`, resized to a square of `size` pixels.
    pub(crate) fn image(
        &self,
        class: &str,
        core: &CoreRow,
        size: usize,
    ) -> Result<RgbImage, StageError> {
        let key = core_image_key(class, core.rank as usize);
        self.named(&key, (class, &core.shard, &core.key), size)
    }

    /// The image that fetched tars call `key`, of this class, shard and sample, resized to a square of `size` pixels.
    pub(crate) fn named(
        &self,
        key: &str,
        (class, shard, sample_key): (&str, &str, &str),
        size: usize,
    ) -> Result<RgbImage, StageError> {
        let lost = || {
            StageError::Other(format!(
                "{shard}: the image {sample_key:?} of class {class:?} is missing from fetch/: delete fetch/ and run again"
            ))
        };
        let number = *self.numbers.get(shard).ok_or_else(lost)?;
        let offset = *self.places(number)?.get(key).ok_or_else(lost)?;
        let part = ShardPlace::File(self.context.run_dir.local(&part_name(number))?);
        let known = ShardIdentity::default();
        let mut reader = part.open_at(offset, &known, ReadOptions::default())?;
        let sample = reader.next().ok_or_else(lost)??;
        let member = sample.members.first().filter(|_| sample.key == key).ok_or_else(lost)?;
        let image = decode_resized(&self.context, &member.bytes, size);
        image.map_err(|e| StageError::Other(format!("{shard}: sample {sample_key:?}: {e}")))
    }

    fn places(&self, number: usize) -> Result<Places, StageError> {
        let parts = || self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parts().get(&number) {
            return Ok(known.clone());
        }
        let path = self.context.run_dir.local(&part_name(number))?;
        // No content is loaded: only where each sample is.
        let options = ReadOptions { extensions: Some(Vec::new()), ..ReadOptions::default() };
        let mut places = BTreeMap::new();
        for sample in ShardReader::open(&path, options)? {
            let sample = sample?;
            places.insert(sample.key, sample.offset);
        }
        let places = Arc::new(places);
        parts().insert(number, places.clone());
        Ok(places)
    }
}
