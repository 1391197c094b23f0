//! What `generate` takes.

use crate::estimate::{Line, Rates, Sizes, StageCost, Work, WorkerStage};

pub(super) static COST: StageCost = StageCost {
    units: Work::batches,
    bytes: |work, sizes| work.cores() as f64 * sizes.png,
    receipt: Line { fixed: 800.0, each: 110.0 },
    outputs: |work, _| work.cores() as f64,
    memory: |_, of| of.program + of.copies * of.generator,
    seconds,
    shared: Some(shared),
};

fn seconds(work: &Work, _: &Sizes, rates: &Rates) -> Option<f64> {
    let (cores, devices) = (work.cores() as f64, rates.devices.max(1.0));
    let denoising = work.batches() as f64 * work.whole_steps() * rates.step;
    let drawing = (denoising + cores * rates.decode_latent) / devices;
    let prompts = (work.classes.len() + 1) as f64 * rates.prompt;
    let finishing = cores * rates.finish_image / rates.workers.max(1.0);
    // The files of one group are written while the next is computed; the last one's are waited for.
    let group = cores.min(work.generate_batch as f64) + 1.0;
    let written = rates.files(cores + work.batches() as f64, devices + 1.0);
    let generating = match rates.on_host {
        true => drawing + finishing + written,
        false => drawing.max(finishing).max(written) + rates.files(group, 1.0),
    };
    Some(rates.load_generator + prompts + generating)
}

fn shared(work: &Work, rates: &Rates) -> WorkerStage {
    // A batch is padded: its steps cost the same.
    let seconds =
        |images: &u64| work.whole_steps() * rates.step + *images as f64 * rates.decode_latent;
    let sizes = work.batch_sizes();
    WorkerStage {
        seconds: sizes.iter().map(seconds).collect(),
        costs: sizes,
        startup: rates.load_generator,
        outputs: work.generate_batch.max(1) as f64,
        reads: 1.0,
        ..WorkerStage::default()
    }
}
