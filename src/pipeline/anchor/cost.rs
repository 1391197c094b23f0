//! What `anchor` takes.

use crate::estimate::{Footprint, Line, Rates, Sizes, StageCost, Work, WorkerStage};

/// Bytes of a sum over the least of a stored value.
const SUM: f64 = 4.0;

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 160.0, each: 110.0 },
    outputs: |work, _| units(work) as f64,
    memory,
    seconds,
    shared: Some(shared),
};

fn units(work: &Work) -> u64 {
    work.classes.len() as u64
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    let members = if work.members.is_some() { work.members_of_classes().sum() } else { 0 };
    work.per_class(&sizes.anchors) + members as f64 * sizes.member_key
}

fn memory(work: &Work, of: &Footprint) -> f64 {
    let class = work.classes.iter().max().copied().unwrap_or(0);
    // Sums of latents are of eight bytes a value, which latents keep in two or four.
    let sums = if work.members.is_some() { 1.0 + SUM } else { 1.0 };
    of.program
        + if work.encoded_again { of.encoding() } else { 0.0 }
        + of.workers * work.ipc.min(class) as f64 * of.row * sums
}

fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    let again = if work.encoded_again {
        let padded: u64 = work.anchor_runs().iter().map(|(runs, each)| runs * each).sum();
        rates.load_encoder + padded as f64 * rates.anchor_image / rates.devices.max(1.0)
    } else {
        0.0
    };
    Some(again + rates.files(2.0 * units(work) as f64, rates.workers))
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let members: Vec<u64> = work.members_of_classes().collect();
    let (each, startup) = match work.encoded_again {
        true => (rates.anchor_image, rates.load_encoder),
        false => (0.0, 0.0),
    };
    // The copies of a class's images lie with those of the shards that they came from.
    let copies =
        (work.fetched() as f64 / work.classes.len().max(1) as f64).min(work.shards.len() as f64);
    WorkerStage {
        seconds: members.iter().map(|n| *n as f64 * each + 2.0 * rates.write_file).collect(),
        costs: members,
        startup,
        outputs: 1.0,
        reads: 1.0 + if work.encoded_again { copies } else { 0.0 },
        ..WorkerStage::default()
    }
}
