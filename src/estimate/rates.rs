//! The speed of a machine.

/// The speed of a machine with a model, in seconds.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Rates {
    /// Devices that share the model's work.
    pub devices: f64,
    /// Whether the devices are the host's CPU: model and decoding then share its cores.
    pub on_host: bool,
    /// Images decoded at once: the workers, at most the cores.
    pub workers: f64,
    /// Shards processed at once.
    pub shards: f64,
    /// Loading the image encoder, and the second encoder if there is one.
    pub load_encoder: f64,
    /// Encoding a group.
    pub encode_batch: f64,
    /// Reading, decoding and resizing an image, on one core.
    pub prepare_image: f64,
    /// Writing a byte to the run directory.
    pub write_byte: f64,
    /// Making a small file in the run directory durable.
    pub write_file: f64,
    /// Copying an image's row from a part to a class-major file.
    pub compact_image: f64,
    /// Opening a part and finding rows in the part.
    pub open_part: f64,
    /// Discovery of a class of the mean size with its files, while other classes are processed at once.
    pub discover_class: f64,
    /// Finding and copying a core in a seekable shard.
    pub fetch_core: f64,
    /// Skipping an image in a shard that is not seekable.
    pub stream_image: f64,
    /// Decoding and resizing a core, and encoding it again in groups of the usual size.
    pub anchor_image: f64,
    /// Loading the text-to-image model.
    pub load_generator: f64,
    /// Encoding a prompt.
    pub prompt: f64,
    /// A step of a group.
    pub step: f64,
    /// Decoding a latent to an image.
    pub decode_latent: f64,
    /// Resizing and compressing an image, on one core.
    pub finish_image: f64,
    /// Preparing a real core, on one CPU core.
    pub real_core: f64,
}

impl Rates {
    /// Seconds to make `files` small files durable, `at_once` in parallel.
    pub fn files(&self, files: f64, at_once: f64) -> f64 {
        files * self.write_file / at_once.max(1.0)
    }

    /// Seconds of parallel work on devices and on the host, unless both share the host's cores.
    pub fn together(&self, device: f64, host: f64) -> f64 {
        if self.on_host { device + host } else { device.max(host) }
    }
}
