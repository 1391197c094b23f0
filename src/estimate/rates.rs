//! How fast a machine is.

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
    /// Taking an image's row out of a part and into a class-major file.
    pub compact_image: f64,
    /// Opening a part and finding some rows in it.
    pub open_part: f64,
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

impl Rates {
    /// Seconds to make `files` small files durable, `at_once` side by side.
    pub fn files(&self, files: f64, at_once: f64) -> f64 {
        files * self.write_file / at_once.max(1.0)
    }

    /// Seconds of work on devices and on the host that go on side by side, where they do not share its cores.
    pub fn together(&self, device: f64, host: f64) -> f64 {
        if self.on_host { device + host } else { device.max(host) }
    }
}
