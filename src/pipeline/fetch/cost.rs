//! What `fetch` takes.

use crate::estimate::{Line, Rates, Sizes, StageCost, Work, WorkerStage};

pub(super) static COST: StageCost = StageCost {
    units,
    bytes,
    receipt: Line { fixed: 250.0, each: 110.0 },
    outputs: |work, _| work.shards_fetched_from(),
    memory: |_, of| of.program + of.shards * of.picture,
    seconds,
    shared: Some(shared),
};

fn units(work: &Work) -> u64 {
    work.shards.len() as u64
}

fn bytes(work: &Work, sizes: &Sizes) -> f64 {
    work.shards_fetched_from() * sizes.fetched.fixed + work.fetched() as f64 * sizes.fetched.each
}

fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    let files = units(work) as f64 + work.shards_fetched_from();
    Some(
        work.fetched() as f64 * rates.fetch_core
            + work.streamed as f64 * rates.stream_image / rates.shards.max(1.0)
            + rates.files(files, rates.shards),
    )
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    let images = work.images().max(1) as f64;
    let (fetched, streamed) = (work.fetched() as f64, work.streamed as f64 / images);
    let seconds = |own: &u64| {
        let own = *own as f64;
        own / images * fetched * rates.fetch_core + own * streamed * rates.stream_image
    };
    WorkerStage {
        seconds: work.shards.iter().map(seconds).collect(),
        costs: work.shards.clone(),
        outputs: 1.0,
        reads_once: work.classes.len() as f64,
        ..WorkerStage::default()
    }
}
