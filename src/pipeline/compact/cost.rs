//! What `compact` takes.

use super::groups::groups;
use crate::estimate::{Footprint, Line, Rates, Sizes, StageCost, Work, WorkerStage};

/// Bytes of what a file's rows hold beside their numbers, kept twice while the file is written.
const NARROW: f64 = 2.0 * 160.0;

pub(super) static COST: StageCost = StageCost {
    units,
    bytes: |work, sizes| {
        let rows = sizes.class_major.each * classes(work).iter().sum::<usize>() as f64;
        units(work) as f64 * sizes.class_major.fixed + rows
    },
    receipt: Line { fixed: 700.0, each: 110.0 },
    outputs: |work, _| units(work) as f64,
    memory,
    seconds,
    shared: Some(shared),
};

fn classes(work: &Work) -> Vec<usize> {
    work.classes.iter().map(|images| *images as usize).collect()
}

fn images(work: &Work) -> Vec<u64> {
    let classes = classes(work);
    let of = |group: std::ops::Range<usize>| classes[group].iter().map(|n| *n as u64).sum();
    groups(&classes, work.row_bytes as usize).into_iter().map(of).collect()
}

fn units(work: &Work) -> u64 {
    images(work).len() as u64
}

fn memory(work: &Work, of: &Footprint) -> f64 {
    let group = images(work).into_iter().max().unwrap_or(0) as f64;
    of.program + of.classes * (group * NARROW + of.group.min(group * of.row))
}

/// Reading a row and writing it again, and opening every part for every file.
fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    let opened = units(work) as f64 * work.shards.len() as f64;
    let rows = work.images() as f64 * rates.compact_image;
    Some((rows + opened * rates.open_part) / rates.workers.clamp(1.0, 2.0))
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let images = images(work);
    let opened = work.shards.len() as f64 * rates.open_part;
    let seconds = |own: &u64| *own as f64 * rates.compact_image + opened;
    WorkerStage {
        seconds: images.iter().map(seconds).collect(),
        costs: images,
        outputs: 1.0,
        ..WorkerStage::default()
    }
}
