//! What `encode` takes.

use crate::estimate::{Footprint, Line, Rates, Sizes, StageCost, Work, WorkerStage};

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 420.0, each: 110.0 },
    outputs: |work, _| units(work) as f64,
    memory,
    seconds,
    shared: Some(shared),
};

fn units(work: &Work) -> u64 {
    work.shards.len() as u64
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    work.shards.iter().map(|images| sizes.part.at(*images as f64)).sum()
}

fn memory(work: &Work, of: &Footprint) -> f64 {
    let shard = work.shards.iter().max().copied().unwrap_or(0) as f64;
    let group = of.group.min(shard * of.row);
    let pixels = of.pixels * work.encode_batch as f64;
    // A group waits, one is on the device, one is being written; a part is put in order by row groups.
    of.program + of.encoding() + of.shards * (3.0 * pixels + 2.0 * group)
}

fn seconds(work: &Work, sizes: &Sizes, rates: &Rates) -> Option<f64> {
    let encoding = work.encode_batches() * rates.encode_batch / rates.devices.max(1.0);
    let preparing = work.images() as f64 * rates.prepare_image / rates.workers.max(1.0);
    // Latents are written as they come, then once more in order; every unit ends with a receipt beside its files.
    let keeping = 2.0 * bytes(work, sizes) * rates.write_byte
        + rates.files(2.0 * units(work) as f64, rates.shards);
    Some(rates.load_encoder + rates.together(encoding, preparing) + keeping)
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let batch = work.encode_batch.max(1) as f64;
    let seconds = |images: &u64| {
        let (images, workers) = (*images as f64, rates.workers.max(1.0));
        rates.together(images / batch * rates.encode_batch, images * rates.prepare_image / workers)
    };
    WorkerStage {
        seconds: work.shards.iter().map(seconds).collect(),
        costs: work.shards.clone(),
        startup: rates.load_encoder,
        outputs: 1.0,
        ..WorkerStage::default()
    }
}
