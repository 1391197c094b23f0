//! What `purity` takes.

use crate::estimate::{Footprint, Line, StageCost, Work};

/// Bytes of an image's features: 8 × 8 cells of at most 4 channels, as f32.
const ROW: f64 = 4.0 * 256.0;

pub(super) static COST: StageCost = StageCost {
    units,
    bytes: |work, sizes| if work.purity { sizes.purity.at(work.images() as f64) } else { 0.0 },
    receipt: Line { fixed: 900.0, each: 110.0 },
    outputs: |work, _| units(work) as f64,
    memory,
    // Nobody has measured it.
    seconds: |work, _, _| (!work.purity).then_some(0.0),
    shared: None,
};

fn units(work: &Work) -> u64 {
    u64::from(work.purity)
}

fn memory(work: &Work, of: &Footprint) -> f64 {
    if work.purity { of.program + 2.0 * work.images() as f64 * ROW } else { 0.0 }
}
