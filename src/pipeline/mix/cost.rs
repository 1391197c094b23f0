//! What `mix` takes.

use crate::estimate::{Line, Rates, Sizes, StageCost, Work};

/// Bytes of a table of choices: little but metadata.
const TABLE: Line = Line { fixed: 1_400.0, each: 12.0 };
/// Runs of the denoiser a group.
const LEVELS: f64 = 3.0;

pub(super) static COST: StageCost = StageCost {
    units,
    bytes: |work, _| if work.mixed { work.per_class(&TABLE) } else { 0.0 },
    receipt: Line { fixed: 500.0, each: 110.0 },
    outputs: |work, _| units(work) as f64,
    memory: |work, of| {
        if work.mixed { of.program + of.copies * of.generator } else { 0.0 }
    },
    seconds,
    // The simulation has the stages that every run has.
    shared: None,
};

fn units(work: &Work) -> u64 {
    if work.mixed { work.classes.len() as u64 } else { 0 }
}

fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    if !work.mixed {
        return Some(0.0);
    }
    let batch = work.generate_batch.max(1);
    let groups: u64 = work.cores_of_classes().map(|cores| cores.div_ceil(batch)).sum();
    let prompts = 2.0 * work.classes.len() as f64 * rates.prompt;
    let testing = groups as f64 * LEVELS * rates.step;
    Some(rates.load_generator + (prompts + testing) / rates.devices.max(1.0))
}
