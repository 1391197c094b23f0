//! How long the stages take.

use super::per_stage::PerStage;
use super::work::Work;

/// How fast a machine is with a model; all in seconds.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Rates {
    /// Devices that share the model's work.
    pub devices: f64,
    /// Whether these are the host's own processor: model and decoding then share its cores.
    pub on_host: bool,
    /// Images decoded at once: workers, as far as there are cores for them.
    pub workers: f64,
    /// Shards worked on at once.
    pub shards: f64,
    /// Opening the image encoder, and the second encoder if there is one.
    pub load_encoder: f64,
    /// A group through them.
    pub encode_batch: f64,
    /// Reading, decoding and resizing an image, on one core.
    pub prepare_image: f64,
    /// Writing a byte to the run directory.
    pub write_byte: f64,
    /// Making a small file durable there.
    pub write_file: f64,
    /// Cores of a class of the mean size, its files written, while as many classes as at once are worked on.
    pub discover_class: f64,
    /// Finding a core in a shard that can be sought in, and copying it.
    pub fetch_core: f64,
    /// Passing over an image in one that can't.
    pub stream_image: f64,
    /// Decoding and resizing a core, and encoding it again in groups of the usual size.
    pub anchor_image: f64,
    /// Opening the text-to-image model.
    pub load_generator: f64,
    /// Encoding a prompt.
    pub prompt: f64,
    /// A step of a group.
    pub step: f64,
    /// A latent to an image.
    pub decode_latent: f64,
    /// Resizing and compressing an image, on one core.
    pub finish_image: f64,
    /// A real core made ready, on one core.
    pub real_core: f64,
}

/// Seconds that each stage takes from nothing; none for `purity`, which nobody has measured.
pub fn seconds(work: &Work, part_bytes: f64, rates: &Rates) -> PerStage<Option<f64>> {
    let (images, cores) = (work.images() as f64, work.cores() as f64);
    let units = work.units();
    let devices = rates.devices.max(1.0);
    // Every unit ends with a receipt beside its files.
    let files = |files: f64, at_once: f64| files * rates.write_file / at_once.max(1.0);
    let together = |device: f64, host: f64| match rates.on_host {
        true => device + host,
        false => device.max(host),
    };
    let workers = rates.workers.max(1.0);

    let encoding = work.encode_batches() * rates.encode_batch / devices;
    let preparing = images * rates.prepare_image / workers;
    // Latents are written as they come, then once more in order.
    let keeping =
        2.0 * part_bytes * rates.write_byte + files(2.0 * units.encode as f64, rates.shards);

    let again = if work.encoded_again {
        let padded: u64 = work.anchor_runs().iter().map(|(runs, each)| runs * each).sum();
        rates.load_encoder + padded as f64 * rates.anchor_image / devices
    } else {
        0.0
    };
    let denoising = work.batches() as f64 * work.steps as f64 * rates.step;
    let drawing = (denoising + cores * rates.decode_latent) / devices;
    let prompts = (units.discover + 1) as f64 * rates.prompt;
    let finishing = cores * rates.finish_image / workers;
    // The files of one group are written while the next is computed; the last one's are waited for.
    let group = cores.min(work.generate_batch as f64) + 1.0;
    let written = files(cores + units.generate as f64, devices + 1.0);
    let generating = match rates.on_host {
        true => drawing + finishing + written,
        false => drawing.max(finishing).max(written) + files(group, 1.0),
    };

    let one_tar = cores.min(work.samples_per_tar as f64);
    let in_row = (work.tars() as f64 / rates.workers.clamp(1.0, 2.0)).max(1.0);
    PerStage {
        encode: Some(rates.load_encoder + together(encoding, preparing) + keeping),
        purity: (!work.purity).then_some(0.0),
        discover: Some(units.discover as f64 * rates.discover_class),
        fetch: Some(
            cores * rates.fetch_core
                + work.streamed as f64 * rates.stream_image / rates.shards.max(1.0)
                + files(units.fetch as f64 + work.shards_with_cores(), rates.shards),
        ),
        anchor: Some(again + files(2.0 * units.anchor as f64, workers)),
        generate: Some(rates.load_generator + prompts + generating),
        assemble: Some(
            one_tar * in_row * rates.real_core + files(3.0 * units.assemble as f64, 2.0),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> Work {
        Work {
            shards: vec![100, 100],
            classes: vec![100, 100],
            ipc: 10,
            encode_batch: 10,
            generate_batch: 10,
            steps: 5,
            samples_per_tar: 1000,
            ..Work::default()
        }
    }

    #[test]
    fn a_host_adds_what_a_card_hides() {
        let mut rates = Rates {
            devices: 1.0,
            on_host: true,
            workers: 2.0,
            load_encoder: 1.0,
            encode_batch: 0.5,
            prepare_image: 0.04,
            ..Rates::default()
        };
        assert_eq!(seconds(&work(), 0.0, &rates).encode, Some(1.0 + 10.0 + 4.0));
        rates.on_host = false;
        assert_eq!(seconds(&work(), 0.0, &rates).encode, Some(1.0 + 10.0));
        rates.devices = 4.0;
        assert_eq!(seconds(&work(), 0.0, &rates).encode, Some(1.0 + 4.0));
    }

    #[test]
    fn generation_counts_prompts_steps_and_images() {
        let rates = Rates {
            devices: 1.0,
            load_generator: 2.0,
            prompt: 1.0,
            step: 0.1,
            decode_latent: 0.05,
            ..Rates::default()
        };
        // Two prompts and the negative one, two groups of five steps, twenty images.
        assert_eq!(seconds(&work(), 0.0, &rates).generate, Some(2.0 + 3.0 + 1.0 + 1.0));
        let checked = Work { purity: true, ..work() };
        assert_eq!(seconds(&checked, 0.0, &rates).purity, None);
    }
}
