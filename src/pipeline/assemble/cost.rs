//! What `assemble` takes.

use crate::estimate::{Line, Rates, Sizes, StageCost, Work, WorkerStage};

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 260.0, each: 120.0 },
    outputs: |work, _| 2.0 * units(work) as f64,
    memory: |_, of| of.program + 2.0 * of.picture,
    seconds,
    shared: Some(shared),
};

fn units(work: &Work) -> u64 {
    2 * work.tars()
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    let tars = |line: &Line| work.tars() as f64 * line.fixed + work.cores() as f64 * line.each;
    tars(&sizes.distilled) + tars(&sizes.real)
}

fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    let one_tar = (work.cores() as f64).min(work.samples_per_tar as f64);
    let in_row = (work.tars() as f64 / rates.workers.clamp(1.0, 2.0)).max(1.0);
    Some(one_tar * in_row * rates.real_core + rates.files(3.0 * units(work) as f64, 2.0))
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let (all, per_tar) = (work.cores(), work.samples_per_tar.max(1));
    let tars = (0..2 * work.tars()).map(|i| per_tar.min(all - (i / 2) * per_tar));
    let sizes: Vec<u64> = tars.collect();
    // Every other one holds real cores, which are resized; distilled images are copied.
    let seconds = |(i, images): (usize, &u64)| match i % 2 {
        0 => *images as f64 * rates.write_file / 10.0,
        _ => *images as f64 * rates.real_core,
    };
    WorkerStage {
        seconds: sizes.iter().enumerate().map(seconds).collect(),
        costs: sizes,
        outputs: 2.0,
        reads: per_tar as f64,
        ..WorkerStage::default()
    }
}
