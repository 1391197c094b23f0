//! The real cores: the chosen source images, fetched again and resized to the output size.

use super::assemble::Sets;
use super::error::StageError;
use super::latents::Slot;
use super::sources::Source;
use crate::imaging;
use crate::shards::{ReadOptions, Sample};
use crate::store::tables::CoreRow;
use std::collections::BTreeMap;

/// The PNG of each core of `wanted`, in the same order.
pub(super) fn real_images(
    stage: &Sets,
    wanted: &[(Slot, &CoreRow)],
) -> Result<Vec<Vec<u8>>, StageError> {
    let mut by_shard: BTreeMap<&str, BTreeMap<u64, usize>> = BTreeMap::new();
    for (place, (_, core)) in wanted.iter().enumerate() {
        by_shard.entry(&core.shard).or_default().insert(core.offset, place);
    }
    let mut images = vec![Vec::new(); wanted.len()];
    for (shard, mut places) in by_shard {
        let Some(source) = stage.sources.iter().find(|s| s.name == shard) else {
            return Err(StageError::Other(format!(
                "{shard} is no shard of this pipeline any more"
            )));
        };
        let options = ReadOptions {
            extensions: Some(stage.context.pipeline.data.image.clone()),
            ..ReadOptions::default()
        };
        fetch_by_offset(source, &mut places, &options, |place, sample| {
            images[place] = resized(stage, shard, wanted[place].1, &sample)?;
            Ok(())
        })?;
        if let Some((_, &place)) = places.iter().next() {
            return Err(lost(shard, wanted[place].1));
        }
    }
    match images.iter().position(Vec::is_empty) {
        Some(place) => Err(lost(&wanted[place].1.shard, wanted[place].1)),
        None => Ok(images),
    }
}

/// Hands on the samples at the offsets in `places`, taking each found one out: by seeking in a plain shard, by reading
/// a compressed one up to the last of them.
fn fetch_by_offset(
    source: &Source,
    places: &mut BTreeMap<u64, usize>,
    options: &ReadOptions,
    mut found: impl FnMut(usize, Sample) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let seekable = source.is_seekable()?;
    while let Some((&offset, &place)) = places.iter().next().filter(|_| seekable) {
        match source.open_at(offset, options.clone())?.next() {
            Some(Ok(sample)) if sample.offset == 0 => found(place, sample)?,
            Some(Err(fault)) if fault.reason.is_io() => return Err(fault.into()),
            _ => return Ok(()),
        }
        places.remove(&offset);
    }
    if places.is_empty() {
        return Ok(());
    }
    for item in source.open(options.clone())? {
        match item {
            Ok(sample) => {
                if let Some(place) = places.remove(&sample.offset) {
                    found(place, sample)?;
                }
            }
            Err(fault) if fault.reason.is_io() => return Err(fault.into()),
            Err(_) => {}
        }
        if places.is_empty() {
            break;
        }
    }
    Ok(())
}

fn lost(shard: &str, core: &CoreRow) -> StageError {
    StageError::Other(format!(
        "{shard}: sample {:?} was chosen as a core and is not there any more; was the shard changed since it was encoded?",
        core.key
    ))
}

fn resized(
    stage: &Sets,
    shard: &str,
    core: &CoreRow,
    sample: &Sample,
) -> Result<Vec<u8>, StageError> {
    let pipeline = &stage.context.pipeline;
    let bytes = pipeline.data.image.iter().find_map(|ext| sample.get(ext));
    let bytes = bytes.filter(|_| sample.key == core.key).ok_or_else(|| lost(shard, core))?;
    let size = pipeline.output.size as u32;
    let png = imaging::decode_rgb(bytes, stage.context.decode_limits())
        .and_then(|image| imaging::resize_lanczos(&image, size, size))
        .and_then(|image| imaging::encode_png(&image));
    png.map_err(|e| StageError::Other(format!("{shard}: sample {:?}: {e}", core.key)))
}
