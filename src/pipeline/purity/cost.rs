//! What `purity` takes.

use crate::estimate::{Footprint, Line, Sizes, StageCost, Work};

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 900.0, each: 110.0 },
    outputs,
    memory,
    // Nobody has measured it.
    seconds: |work, _, _| (!work.purity).then_some(0.0),
    shared: None,
};

fn units(work: &Work) -> u64 {
    u64::from(work.purity)
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    let images = work.images() as f64;
    if work.purity { sizes.purity.at(images) + sizes.purity_index.at(images) } else { 0.0 }
}

fn outputs(work: &Work, sizes: &Sizes) -> f64 {
    let index = if sizes.purity_index.each > 0.0 { 2.0 } else { 0.0 };
    units(work) as f64 * (1.0 + index)
}

/// All features twice, as the index or the exact search holds them once more, and the index's links.
fn memory(work: &Work, of: &Footprint) -> f64 {
    let each = 2.0 * of.compared + of.indexed;
    if work.purity { of.program + work.images() as f64 * each } else { 0.0 }
}
