//! A run's stages as workers have them, from what there is to do and how fast a machine is.

use super::CrewStage;
use crate::estimate::{Rates, Work};

/// The stages of `work` by workers like the machine of `rates`, each with one of its devices; `purity` is not among them.
pub fn crew_stages(work: &Work, rates: &Rates) -> Vec<CrewStage> {
    vec![
        encode(work, rates),
        discover(work, rates),
        fetch(work, rates),
        anchor(work, rates),
        generate(work, rates),
        assemble(work, rates),
    ]
}

fn encode(work: &Work, rates: &Rates) -> CrewStage {
    let batch = work.encode_batch.max(1) as f64;
    let seconds = |images: &u64| {
        let (images, workers) = (*images as f64, rates.workers.max(1.0));
        let (device, host) =
            (images / batch * rates.encode_batch, images * rates.prepare_image / workers);
        if rates.on_host { device + host } else { device.max(host) }
    };
    CrewStage {
        stage: "encode",
        seconds: work.shards.iter().map(seconds).collect(),
        costs: work.shards.clone(),
        startup: rates.load_encoder,
        outputs: 1.0,
        ..CrewStage::default()
    }
}

fn discover(work: &Work, rates: &Rates) -> CrewStage {
    let mean = work.images() as f64 / work.classes.len().max(1) as f64;
    let seconds = |images: &u64| rates.discover_class * *images as f64 / mean.max(1.0);
    CrewStage {
        stage: "discover",
        seconds: work.classes.iter().map(seconds).collect(),
        costs: work.classes.clone(),
        outputs: 2.0,
        // Rows of a class may be in any part; a part is brought once.
        reads_once: work.shards.len() as f64,
        ..CrewStage::default()
    }
}

fn fetch(work: &Work, rates: &Rates) -> CrewStage {
    let images = work.images().max(1) as f64;
    let (cores, streamed) = (work.cores() as f64, work.streamed as f64 / images);
    let seconds = |own: &u64| {
        let own = *own as f64;
        own / images * cores * rates.fetch_core + own * streamed * rates.stream_image
    };
    CrewStage {
        stage: "fetch",
        seconds: work.shards.iter().map(seconds).collect(),
        costs: work.shards.clone(),
        outputs: 1.0,
        reads_once: work.classes.len() as f64,
        ..CrewStage::default()
    }
}

fn anchor(work: &Work, rates: &Rates) -> CrewStage {
    let cores: Vec<u64> = work.cores_of_classes().collect();
    let (each, startup) = match work.encoded_again {
        true => (rates.anchor_image, rates.load_encoder),
        false => (0.0, 0.0),
    };
    // The copies of a class's cores lie with those of the shards that they came from.
    let copies =
        (work.cores() as f64 / work.classes.len().max(1) as f64).min(work.shards.len() as f64);
    CrewStage {
        stage: "anchor",
        seconds: cores.iter().map(|cores| *cores as f64 * each + 2.0 * rates.write_file).collect(),
        costs: cores,
        startup,
        outputs: 1.0,
        reads: 1.0 + if work.encoded_again { copies } else { 0.0 },
        ..CrewStage::default()
    }
}

fn generate(work: &Work, rates: &Rates) -> CrewStage {
    let (all, batch) = (work.cores(), work.generate_batch.max(1));
    let sizes: Vec<u64> = (0..work.batches()).map(|i| batch.min(all - i * batch)).collect();
    // A batch is padded: its steps cost the same.
    let seconds =
        |images: &u64| work.steps as f64 * rates.step + *images as f64 * rates.decode_latent;
    CrewStage {
        stage: "generate",
        seconds: sizes.iter().map(seconds).collect(),
        costs: sizes,
        startup: rates.load_generator,
        outputs: batch as f64,
        reads: 1.0,
        ..CrewStage::default()
    }
}

fn assemble(work: &Work, rates: &Rates) -> CrewStage {
    let (all, per_tar) = (work.cores(), work.samples_per_tar.max(1));
    let tars = (0..2 * work.tars()).map(|i| per_tar.min(all - (i / 2) * per_tar));
    let sizes: Vec<u64> = tars.collect();
    // Every other one holds real cores, which are resized; distilled images are copied.
    let seconds = |(i, images): (usize, &u64)| match i % 2 {
        0 => *images as f64 * rates.write_file / 10.0,
        _ => *images as f64 * rates.real_core,
    };
    CrewStage {
        stage: "assemble",
        seconds: sizes.iter().enumerate().map(seconds).collect(),
        costs: sizes,
        outputs: 2.0,
        reads: per_tar as f64,
        ..CrewStage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::simulation::{Rules, play};

    #[test]
    fn one_worker_takes_what_the_plan_says() {
        let work = Work {
            shards: vec![320; 4],
            classes: vec![640, 640],
            ipc: 10,
            encode_batch: 32,
            anchor_batch: 4,
            encoded_again: true,
            generate_batch: 4,
            steps: 5,
            samples_per_tar: 20,
            ..Work::default()
        };
        let rates = Rates {
            devices: 1.0,
            workers: 4.0,
            load_encoder: 3.0,
            encode_batch: 0.5,
            prepare_image: 0.01,
            discover_class: 7.0,
            anchor_image: 0.25,
            load_generator: 20.0,
            step: 0.1,
            decode_latent: 0.05,
            ..Rates::default()
        };
        let rules = Rules { workers: 1, help: true, request: 0.0 };
        let played = play(&crew_stages(&work, &rates), &rules);
        let planned = crate::estimate::seconds(&work, 0.0, &rates);
        assert_eq!(played.stages.len(), 6);
        for stage in played.stages.iter().filter(|stage| stage.stage != "fetch") {
            let expected = planned.get(stage.stage).copied().flatten().unwrap();
            // Cores are encoded in padded groups: 4, 4 and 2 as 3 × 4.
            let off = if stage.stage == "anchor" { 1.0 } else { 1e-3 };
            assert!((stage.seconds - expected).abs() <= off, "{stage:?}: {expected}");
        }
        // 3 + 40 × 0.5, 2 × 7, 3 + 20 × 0.25, 20 + 5 × 5 × 0.1 + 20 × 0.05.
        assert!((played.seconds - 68.5).abs() < 1e-6 && played.idle < 1e-6, "{played:?}");
    }
}
