//! What is in the shards, without decoding anything: images, classes, where they lie.
//!
//! A plain tar on disk is read header by header. What can only be streamed is read whole where that is little, else its
//! beginning stands for the rest.

use crate::config::key_fits;
use crate::pipeline::context::Context;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::pipeline::sources::Source;
use crate::shards::{Compression, Container, ReadOptions, Sample, ShardPlace};
use crate::store::tables::LatentRow;
use crate::store::{Receipt, RunDir};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Compressed shards of no more bytes in all are read whole.
const WHOLE_BYTES: u64 = 256 << 20;
/// Samples read of a shard to estimate the rest of the shard.
const SAMPLED: usize = 4000;
/// Shards read to estimate the other shards.
const SAMPLED_SHARDS: usize = 2;
/// Samples kept, to write probe tables of.
const ROWS: usize = 4096;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Images of each shard, in order.
    pub(crate) shards: Vec<u64>,
    /// Images of each class found; of those in the list, where there is one.
    pub(crate) classes: BTreeMap<String, u64>,
    /// Samples of classes that the list lacks.
    pub(crate) unlisted_classes: u64,
    /// Samples without image or label, and damage.
    pub(crate) bad: u64,
    /// Bytes that the images take in tars, headers counted.
    pub(crate) stored: u64,
    /// Images in shards that can't be sought in.
    pub(crate) streamed: u64,
    /// Some samples of one shard.
    pub(crate) rows: Vec<LatentRow>,
    /// How the counts were estimated, if they were.
    pub(crate) estimate: Option<String>,
}

impl Counted {
    pub(crate) fn images(&self) -> u64 {
        self.classes.values().sum()
    }

    /// Bytes of an image as `fetch` copies it.
    pub(crate) fn stored_each(&self) -> f64 {
        self.stored as f64 / self.images().max(1) as f64
    }
}

/// What was found in a shard, or in its beginning.
#[derive(Default)]
struct Tally {
    classes: BTreeMap<String, u64>,
    unlisted_classes: u64,
    bad: u64,
    stored: u64,
    rows: Vec<LatentRow>,
    /// Where reading ended, if not at the shard's end.
    stopped: Option<u64>,
    /// Why nothing at all could be read.
    lost: Option<String>,
}

/// Counts the images of `sources`.
///
/// # Errors
/// If a shard can't be read.
pub(crate) fn count(context: &Context, sources: &[Source]) -> Result<Counted, StageError> {
    let data = &context.pipeline.data;
    let plain: Vec<bool> = sources.par_iter().map(is_plain).collect::<Result<_, _>>()?;
    let streamed = |&i: &usize| !plain[i];
    let local = |&i: &usize| matches!(sources[i].place, ShardPlace::File(_));
    let packed = (0..sources.len()).filter(streamed).filter(local);
    let few = packed.filter_map(|i| sources[i].identity.bytes).sum::<u64>() <= WHOLE_BYTES;
    let whole = |i: &usize| plain[*i] || (few && local(i));
    let (read, unread): (Vec<usize>, Vec<usize>) = (0..sources.len()).partition(whole);
    let sampled: Vec<usize> = (0..SAMPLED_SHARDS.min(unread.len()))
        .map(|n| unread[n * unread.len() / SAMPLED_SHARDS])
        .collect();
    let tally = |&i: &usize| {
        let most = if whole(&i) { usize::MAX } else { SAMPLED };
        tally(context, &sources[i], most).map(|tally| (i, tally))
    };
    let tallies: Vec<(usize, Tally)> = [&read[..], &sampled[..]]
        .concat()
        .par_iter()
        .map(tally)
        .collect::<Result<_, StageError>>()?;

    let lost: Vec<(&Source, &String)> = tallies
        .iter()
        .filter_map(|(i, tally)| Some((&sources[*i], tally.lost.as_ref()?)))
        .collect();
    if let Some((source, reason)) = lost.first().filter(|_| lost.len() > data.max_bad_shards) {
        let (shard, reason) = (source.name.clone(), reason.to_string());
        return Err(StageError::Unreadable { shard, reason });
    }
    let mut counted = Counted { shards: vec![0; sources.len()], ..Counted::default() };
    let mut sample = Counted::default();
    for (i, tally) in tallies {
        let into = if whole(&i) { &mut counted } else { &mut sample };
        let images: u64 = tally.classes.values().sum();
        if whole(&i) {
            into.shards[i] = images;
            into.streamed += if plain[i] { 0 } else { images };
        } else {
            // Bytes that the sample stands for: all of the shard where it was read to its end.
            let bytes = tally.stopped.or(sources[i].identity.bytes).unwrap_or(0);
            into.shards.push(bytes);
        }
        for (class, n) in tally.classes {
            *into.classes.entry(class).or_default() += n;
        }
        into.unlisted_classes += tally.unlisted_classes;
        into.bad += tally.bad;
        into.stored += tally.stored;
        if into.rows.len() < tally.rows.len() {
            into.rows = tally.rows;
        }
    }
    if !unread.is_empty() {
        extend(&mut counted, &sample, sources, &unread, sampled.len());
    }
    Ok(counted)
}

/// Estimates the shards `unread` from `sample`.
fn extend(
    counted: &mut Counted,
    sample: &Counted,
    sources: &[Source],
    unread: &[usize],
    of: usize,
) {
    let seen = sample.images().max(1) as f64;
    let bytes: u64 = sample.shards.iter().sum();
    let per_byte = seen / bytes.max(1) as f64;
    let mut images = 0.0;
    for &i in unread {
        // A pipe has no length: it is taken to hold as much as those that were read.
        let own = match sources[i].identity.bytes {
            Some(length) if bytes > 0 => length as f64 * per_byte,
            _ => seen / of.max(1) as f64,
        };
        counted.shards[i] = own.round() as u64;
        images += own;
    }
    let scale = |n: u64| (n as f64 * images / seen).round() as u64;
    for (class, n) in &sample.classes {
        *counted.classes.entry(class.clone()).or_default() += scale(*n);
    }
    counted.unlisted_classes += scale(sample.unlisted_classes);
    counted.bad += scale(sample.bad);
    counted.stored += scale(sample.stored);
    counted.streamed += images.round() as u64;
    if counted.rows.is_empty() {
        counted.rows = sample.rows.clone();
    }
    counted.estimate = Some(format!(
        "{} of {} shards can't be counted without reading them whole (remote, compressed or pipes): {} samples of {of} \
         of them represent the rest",
        unread.len(),
        sources.len(),
        sample.images()
    ));
}

/// Whether a shard's images need not be read to count them: those of a plain tar on this machine, whose headers can be
/// hopped along, and of Parquet files and folders of images.
fn is_plain(source: &Source) -> Result<bool, StageError> {
    match &source.place {
        place @ ShardPlace::File(_) => match place.container() {
            Err(fault) if fault.reason.is_io() => Err(fault.into()),
            Ok(Container::Tar(compression)) => Ok(compression == Compression::Plain),
            container => Ok(container.is_ok()),
        },
        ShardPlace::Images(_) => Ok(true),
        ShardPlace::Url(_) if source.name.ends_with(".parquet") => Ok(true),
        _ => Ok(false),
    }
}

/// Counts a shard's samples, `most` at most.
fn tally(context: &Context, source: &Source, most: usize) -> Result<Tally, StageError> {
    let data = &context.pipeline.data;
    let extensions = data.label.extension().map(str::to_owned).into_iter().collect();
    let options = ReadOptions { extensions: Some(extensions), ..ReadOptions::default() };
    let mut tally = Tally::default();
    for (number, item) in source.open(options)?.enumerate() {
        let sample = match item {
            Ok(sample) => sample,
            Err(fault) if fault.reason.is_io() => return Err(fault.into()),
            Err(fault) if fault.fatal && number == 0 => {
                tally.lost = Some(fault.reason.to_string());
                continue;
            }
            Err(_) => {
                tally.bad += 1;
                continue;
            }
        };
        if number >= most {
            tally.stopped = Some(sample.offset);
            break;
        }
        tally.add(context, sample);
    }
    Ok(tally)
}

impl Tally {
    fn add(&mut self, context: &Context, sample: Sample) {
        let data = &context.pipeline.data;
        let image = data.image.iter().find_map(|extension| {
            sample.places.iter().find(|place| place.extension.to_lowercase() == *extension)
        });
        let class = data.label.label(&sample).ok();
        let (Some(image), Some(class)) = (image, class) else {
            self.bad += 1;
            return;
        };
        match &context.classes {
            None if !key_fits(&class) => self.bad += 1,
            Some(list) if list.position(&class).is_none() => self.unlisted_classes += 1,
            _ => {
                self.stored += 512 + image.size.next_multiple_of(512);
                *self.classes.entry(class.clone()).or_default() += 1;
                if self.rows.len() < ROWS {
                    let (index, offset) = (sample.index as u32, sample.offset);
                    let key = sample.key;
                    let row = LatentRow { key, class, index, offset, ..LatentRow::default() };
                    self.rows.push(row);
                }
            }
        }
    }
}

/// Images of each class in the encoded parts, where all are there: what was counted before they were decoded no longer
/// matters.
pub(crate) fn count_encoded(
    run_dir: &RunDir,
    encoded: &BTreeMap<String, Receipt>,
    counted: &mut Counted,
) -> Result<(), StageError> {
    let classes = Encoded::of(run_dir, None, encoded.values())?.by_key();
    let (before, after) = (counted.images().max(1), classes.values().sum::<usize>() as u64);
    counted.stored = (counted.stored as f64 / before as f64 * after as f64) as u64;
    counted.classes = classes.into_iter().map(|(class, n)| (class, n as u64)).collect();
    counted.shards = encoded.values().map(|receipt| receipt.samples).collect();
    counted.bad = encoded.values().map(|receipt| receipt.faults.len() as u64).sum();
    (counted.unlisted_classes, counted.estimate) = (0, None);
    Ok(())
}
