//! The first pass: some samples of some shards, spread over the data set.

use super::containers::is_local;
use super::pictures::Pictures;
use crate::imaging::IMAGE_EXTENSIONS;
use crate::shards::{ReadOptions, Sample, ShardIdentity, ShardPlace};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Shards that are looked into, on this machine and on servers.
const SHARDS: usize = 8;
const REMOTE_SHARDS: usize = 4;
/// Samples and bytes of a shard that are read with their images.
const SAMPLES: usize = 1_000;
const BYTES: u64 = 64 << 20;
/// Samples of a local shard whose labels alone are read.
const LABELS: usize = 4_000;
/// Images of a shard whose headers are read.
const IMAGES: usize = 250;
/// A member longer than this is no label.
const LABEL_BYTES: u64 = 64 << 10;

/// What some samples told.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Samples with their short members.
    pub(super) samples: Vec<Sample>,
    /// Shards looked into.
    pub(super) shards: usize,
    /// Bytes that the samples take in tars, about.
    pub(super) read: u64,
    pub(super) pictures: Pictures,
    /// Samples by extension of their members.
    pub(super) members: BTreeMap<String, usize>,
    /// Samples with an image that a run finds by default.
    pub(super) with_default_image: usize,
    /// Samples by other members that are images by the last part of their extension.
    pub(super) other_images: BTreeMap<String, usize>,
    /// What was wrong, in sentences.
    pub(super) faults: Vec<String>,
}

/// Looks into some of `places`.
pub(super) fn look(places: &[ShardPlace], known: &[ShardIdentity]) -> Looked {
    let most = if places.iter().all(is_local) { SHARDS } else { REMOTE_SHARDS };
    let chosen = spread(places.len(), most);
    let each = chosen.into_par_iter().map(|at| one(&places[at], &known[at]));
    let mut looked = Looked::default();
    each.collect::<Vec<_>>().into_iter().for_each(|one| looked.add(one));
    looked
}

/// `most` of `count` places, the first one and others at equal distances.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    let chosen = count.min(most);
    (0..chosen).map(|n| n * count / chosen.max(1)).collect()
}

fn one(place: &ShardPlace, known: &ShardIdentity) -> Looked {
    let mut looked = Looked { shards: 1, ..Looked::default() };
    let mut small: Vec<String> = Vec::new();
    let mut ended = true;
    match place.open(known, ReadOptions::default()) {
        Err(fault) => looked.faults.push(fault.to_string()),
        Ok(reader) => {
            for (number, item) in reader.enumerate() {
                match item {
                    Err(fault) => looked.faults.push(fault.to_string()),
                    Ok(sample) => {
                        looked.read += stored(&sample);
                        ended = number + 1 < SAMPLES && looked.read < BYTES;
                        looked.take(sample, number < IMAGES, &mut small);
                    }
                }
                if !ended {
                    break;
                }
            }
        }
    }
    let options = ReadOptions::default();
    if !ended && is_local(place) && place.is_seekable(known, &options) == Ok(true) {
        looked.labels_alone(place, known, small);
    }
    looked
}

impl Looked {
    /// Reads on behind what was read, without the images.
    fn labels_alone(&mut self, place: &ShardPlace, known: &ShardIdentity, small: Vec<String>) {
        let options = ReadOptions { extensions: Some(small), ..ReadOptions::default() };
        let Ok(reader) = place.open(known, options) else { return };
        let seen = self.samples.last().map(|sample| sample.index);
        for sample in reader.take(LABELS).flatten().filter(|sample| Some(sample.index) > seen) {
            self.read += stored(&sample);
            self.note_members(&sample);
            self.samples.push(sample);
        }
    }

    fn take(&mut self, mut sample: Sample, with_image: bool, small: &mut Vec<String>) {
        self.note_members(&sample);
        if with_image {
            let image = sample.members.iter().find(|member| is_image(&member.extension));
            if let Some(image) = image {
                self.pictures.add(&sample.key, &image.bytes);
            }
        }
        sample.members.retain(|member| {
            !is_image(&member.extension) && member.bytes.len() as u64 <= LABEL_BYTES
        });
        for member in &sample.members {
            if !small.contains(&member.extension) {
                small.push(member.extension.clone());
            }
        }
        self.samples.push(sample);
    }

    fn note_members(&mut self, sample: &Sample) {
        let mut default = false;
        for place in &sample.places {
            let extension = place.extension.to_lowercase();
            default |= IMAGE_EXTENSIONS.contains(&extension.as_str());
            if !IMAGE_EXTENSIONS.contains(&extension.as_str()) && is_image(&extension) {
                *self.other_images.entry(extension.clone()).or_default() += 1;
            }
            *self.members.entry(extension).or_default() += 1;
        }
        self.with_default_image += usize::from(default);
    }

    fn add(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.shards += other.shards;
        self.read += other.read;
        self.pictures.merge(other.pictures);
        for (name, count) in other.members {
            *self.members.entry(name).or_default() += count;
        }
        for (name, count) in other.other_images {
            *self.other_images.entry(name).or_default() += count;
        }
        self.with_default_image += other.with_default_image;
        self.faults.extend(other.faults);
    }
}

/// Bytes that a sample takes in a tar.
fn stored(sample: &Sample) -> u64 {
    sample.places.iter().map(|place| 512 + place.size.next_multiple_of(512)).sum()
}

/// Whether a member is an image by its extension, `seg.png` too.
pub(super) fn is_image(extension: &str) -> bool {
    let last = extension.rsplit('.').next().unwrap_or(extension);
    IMAGE_EXTENSIONS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_chosen_all_over_the_data_set() {
        assert_eq!(spread(3, 8), [0, 1, 2]);
        assert_eq!(spread(16, 4), [0, 4, 8, 12]);
        assert!(spread(0, 4).is_empty());
    }
}
