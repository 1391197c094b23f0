//! What `discover` takes.

use crate::estimate::{Footprint, Line, Rates, Sizes, StageCost, Work, WorkerStage};

/// Features of a class, standardised beside the original, and half as much again for products and neighbours.
const FEATURE_COPIES: f64 = 2.5;

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 620.0, each: 182.0 },
    outputs,
    memory,
    seconds: |work, _, rates| Some(units(work) as f64 * rates.discover_class),
    shared: Some(shared),
};

fn units(work: &Work) -> u64 {
    work.classes.len() as u64
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    let images = |line: &Line| work.classes.iter().map(|n| line.at(*n as f64)).sum::<f64>();
    let members = match work.members {
        Some(_) => work.members_of_classes().map(|n| sizes.members.at(n as f64)).sum(),
        None => 0.0,
    };
    work.per_class(&sizes.cores) + members + images(&sizes.embedding) + images(&sizes.index)
}

fn outputs(work: &Work, sizes: &Sizes) -> f64 {
    let index = if sizes.index.each > 0.0 { 2.0 } else { 0.0 };
    let members = if work.members.is_some() { 1.0 } else { 0.0 };
    units(work) as f64 * (2.0 + members + index)
}

fn memory(work: &Work, of: &Footprint) -> f64 {
    let class = work.classes.iter().max().copied().unwrap_or(0) as f64;
    of.program + of.classes * class * of.features * FEATURE_COPIES + of.group.min(class * of.row)
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let mean = work.images() as f64 / work.classes.len().max(1) as f64;
    let seconds = |images: &u64| rates.discover_class * *images as f64 / mean.max(1.0);
    WorkerStage {
        seconds: work.classes.iter().map(seconds).collect(),
        costs: work.classes.clone(),
        outputs: 2.0,
        // Rows of a class may be in any part; a part is downloaded once.
        reads_once: work.shards.len() as f64,
        ..WorkerStage::default()
    }
}
