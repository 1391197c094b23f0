//! The real cores: the chosen source images, fetched again and resized to the output size.

use super::assemble::Assemble;
use super::error::StageError;
use super::generate::Slot;
use crate::imaging;
use crate::shards::{ReadOptions, Sample, ShardReader};
use crate::store::tables::CoreRow;
use std::collections::{BTreeMap, HashMap};

/// The PNG of each core of `wanted`, by its place there. Each source shard is opened once, and read no further than
/// its last core.
pub(super) fn real_images(
    stage: &Assemble,
    wanted: &[(Slot, &CoreRow)],
) -> Result<BTreeMap<usize, Vec<u8>>, StageError> {
    let mut by_shard: BTreeMap<&str, HashMap<u64, usize>> = BTreeMap::new();
    for (place, (_, core)) in wanted.iter().enumerate() {
        by_shard.entry(&core.shard).or_default().insert(core.offset, place);
    }
    let mut images = BTreeMap::new();
    for (shard, mut places) in by_shard {
        let Some(source) = stage.sources.iter().find(|s| s.name == shard) else {
            return Err(StageError::Other(format!(
                "{shard} is no shard of this pipeline any more"
            )));
        };
        let image = &stage.context.pipeline.data.image;
        let options = ReadOptions { extensions: Some(image.clone()), ..ReadOptions::default() };
        for item in ShardReader::open(&source.path, options)? {
            let sample = match item {
                Ok(sample) => sample,
                Err(fault) if fault.reason.is_io() => return Err(fault.into()),
                Err(_) => continue,
            };
            if let Some(place) = places.remove(&sample.offset) {
                let (_, core) = wanted[place];
                images.insert(place, resized(stage, shard, core, &sample)?);
            }
            if places.is_empty() {
                break;
            }
        }
        if let Some((_, &place)) = places.iter().next() {
            return Err(lost(shard, wanted[place].1));
        }
    }
    Ok(images)
}

fn lost(shard: &str, core: &CoreRow) -> StageError {
    StageError::Other(format!(
        "{shard}: sample {:?} was chosen as a core and is not there any more; was the shard changed since it was encoded?",
        core.key
    ))
}

fn resized(
    stage: &Assemble,
    shard: &str,
    core: &CoreRow,
    sample: &Sample,
) -> Result<Vec<u8>, StageError> {
    let pipeline = &stage.context.pipeline;
    let bytes = pipeline.data.image.iter().find_map(|ext| sample.get(ext));
    let bytes = bytes.filter(|_| sample.key == core.key).ok_or_else(|| lost(shard, core))?;
    let image = imaging::decode_rgb(bytes, stage.context.decode_limits())?;
    let size = pipeline.output.size as u32;
    Ok(imaging::encode_png(&imaging::resize_lanczos(&image, size, size)?)?)
}
