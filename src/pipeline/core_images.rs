//! The source images of the cores, as `fetch` left them.

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

/// `CLASS_RANK`: what the core of this rank is called, here and in both sets.
pub(crate) fn original_key(class: &str, rank: usize) -> String {
    format!("{}_{rank:04}", file_stem(class))
}

/// Where the cores of the source shard of this number are, below the run directory.
pub(crate) fn part_name(number: usize) -> String {
    format!("fetch/part-{number:06}.tar")
}

/// Offsets of a part's samples by key.
type Places = Arc<BTreeMap<String, u64>>;

/// A source image at the size of `size` pixels.
pub(crate) fn decode_original(
    context: &Context,
    bytes: &[u8],
    size: usize,
) -> Result<RgbImage, ImagingError> {
    imaging::decode_rgb(bytes, context.decode_options())
        .and_then(|image| imaging::resize_lanczos(&image, size as u32, size as u32))
}

/// The fetched images.
pub(crate) struct Originals {
    context: Arc<Context>,
    /// Number of each source shard by name.
    numbers: HashMap<String, usize>,
    /// What was learnt of each part.
    parts: Mutex<HashMap<usize, Places>>,
}

impl Originals {
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
        let lost = || {
            StageError::Other(format!(
                "{}: the core {:?} of class {class:?} was not fetched: delete fetch/ and run again",
                core.shard, core.key
            ))
        };
        let number = *self.numbers.get(&core.shard).ok_or_else(lost)?;
        let key = original_key(class, core.rank as usize);
        let offset = *self.places(number)?.get(&key).ok_or_else(lost)?;
        let part = ShardPlace::File(self.context.run_dir.local(&part_name(number))?);
        let known = ShardIdentity::default();
        let mut reader = part.open_at(offset, &known, ReadOptions::default())?;
        let sample = reader.next().ok_or_else(lost)??;
        let member = sample.members.first().filter(|_| sample.key == key).ok_or_else(lost)?;
        let image = decode_original(&self.context, &member.bytes, size);
        image.map_err(|e| StageError::Other(format!("{}: sample {:?}: {e}", core.shard, core.key)))
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
