//! The second pass: every sample counted, where that is cheap; else what the first pass read stands for the rest.

use super::containers::is_local;
use super::look::Looked;
use crate::config::key_fits;
use crate::imaging::IMAGE_EXTENSIONS;
use crate::shards::{
    Compression, Container, LabelSource, ReadOptions, Sample, ShardIdentity, ShardPlace,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// Compressed local shards of no more bytes in all are read whole, as `plan` does.
const WHOLE_BYTES: u64 = 256 << 20;
/// Faults that are told.
const TOLD: usize = 5;

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) classes: BTreeMap<String, u64>,
    /// Samples with image and label: all, or an estimate.
    pub(super) samples: u64,
    /// Samples that were counted.
    pub(super) seen: u64,
    pub(super) bad: u64,
    pub(super) faults: Vec<String>,
    /// Shards of which nothing could be read.
    pub(super) lost: usize,
    /// Samples whose key another one has.
    pub(super) repeated_keys: u64,
    pub(super) exact: bool,
    pub(super) basis: String,
}

impl Counted {
    /// Whether a sample of the class of this key was met.
    pub(super) fn has(&self, key: &str) -> bool {
        self.classes.contains_key(key)
    }
}

/// What is counted in a shard.
#[derive(Default)]
struct Tally {
    classes: BTreeMap<String, u64>,
    bad: u64,
    faults: Vec<String>,
    lost: bool,
    keys: Vec<u64>,
}

/// Counts samples by class.
pub(super) fn count(
    places: &[ShardPlace],
    known: &[ShardIdentity],
    (label, image): (&LabelSource, Option<&[String]>),
    looked: &Looked,
    full: bool,
) -> Counted {
    let pairs: Vec<(&ShardPlace, &ShardIdentity)> = places.iter().zip(known).collect();
    if full || is_cheap(&pairs) {
        let tallies = pairs.par_iter().map(|(place, known)| tally(place, known, label, image));
        let mut counted = sum(tallies.collect::<Vec<_>>());
        counted.exact = true;
        counted.samples = counted.seen;
        counted.basis = match places.len() {
            1 => "the shard was read to its end".to_owned(),
            all => format!("all {all} shards were read to their ends"),
        };
        return counted;
    }
    let mut tally = Tally::default();
    looked.samples.iter().for_each(|sample| tally.add(sample, label, image));
    tally.faults.clone_from(&looked.faults);
    let mut counted = sum(vec![tally]);
    counted.samples = estimate(&counted, known, looked);
    counted.basis = format!(
        "{} samples of {} of {} shards were read, and stand for the rest (--full reads everything)",
        looked.samples.len(),
        looked.shards,
        places.len()
    );
    counted
}

/// Whether all can be read at little cost: plain local tars, header by header, and little that is compressed.
fn is_cheap(pairs: &[(&ShardPlace, &ShardIdentity)]) -> bool {
    if !pairs.iter().all(|(place, _)| is_local(place)) {
        return false;
    }
    let packed = pairs
        .iter()
        .filter(|(place, _)| matches!(place.container(), Ok(Container::Tar(kind)) if kind != Compression::Plain));
    packed.filter_map(|(_, known)| known.bytes).sum::<u64>() <= WHOLE_BYTES
}

/// Samples of all shards by those of the shards looked into, as far as these were read.
fn estimate(counted: &Counted, known: &[ShardIdentity], looked: &Looked) -> u64 {
    let bytes: Option<u64> = known.iter().map(|known| known.bytes).sum();
    match bytes {
        Some(bytes) if looked.read > 0 => {
            let estimate = counted.seen as f64 * bytes as f64 / looked.read as f64;
            (estimate.round() as u64).max(counted.seen)
        }
        // What has no length is taken to hold as much as those that were looked into.
        _ => counted.seen * known.len() as u64 / looked.shards.max(1) as u64,
    }
}

fn tally(
    place: &ShardPlace,
    known: &ShardIdentity,
    label: &LabelSource,
    image: Option<&[String]>,
) -> Tally {
    let mut tally = Tally::default();
    let extensions = label.extension().map(str::to_owned).into_iter().collect();
    let options = ReadOptions { extensions: Some(extensions), ..ReadOptions::default() };
    let reader = match place.open(known, options) {
        Ok(reader) => reader,
        Err(fault) => {
            tally.faults.push(fault.to_string());
            tally.lost = true;
            return tally;
        }
    };
    for (number, item) in reader.enumerate() {
        match item {
            Ok(sample) => tally.add(&sample, label, image),
            Err(fault) => {
                tally.lost |= fault.fatal && number == 0;
                tally.bad += u64::from(!tally.lost);
                tally.note(fault.to_string());
            }
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, sample: &Sample, label: &LabelSource, image: Option<&[String]>) {
        let named = |extension: &str| match image {
            Some(image) => image.iter().any(|name| name == extension),
            None => IMAGE_EXTENSIONS.contains(&extension),
        };
        let has_image = sample.places.iter().any(|place| named(&place.extension.to_lowercase()));
        let class = label.label(sample);
        let reason = match (&class, has_image) {
            (Err(reason), _) => Some(reason.to_string()),
            (Ok(class), _) if !key_fits(class) => {
                Some("its class is too long for a file's name".to_owned())
            }
            (_, false) => Some("it has no image".to_owned()),
            _ => None,
        };
        match (class, reason) {
            (Ok(class), None) => {
                *self.classes.entry(class).or_default() += 1;
                self.keys.push(xxh3_64(sample.key.as_bytes()));
            }
            (_, reason) => {
                self.bad += 1;
                self.note(format!("sample `{}`: {}", sample.key, reason.unwrap_or_default()));
            }
        }
    }

    fn note(&mut self, fault: String) {
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        }
    }
}

fn sum(tallies: Vec<Tally>) -> Counted {
    let mut counted = Counted::default();
    let mut keys: HashSet<u64> = HashSet::new();
    for tally in tallies {
        for (class, count) in tally.classes {
            *counted.classes.entry(class).or_default() += count;
        }
        counted.bad += tally.bad;
        counted.lost += usize::from(tally.lost);
        counted.faults.extend(tally.faults);
        let repeated = tally.keys.into_iter().filter(|key| !keys.insert(*key)).count();
        counted.repeated_keys += repeated as u64;
    }
    counted.faults.truncate(TOLD);
    counted.seen = counted.classes.values().sum();
    counted
}
