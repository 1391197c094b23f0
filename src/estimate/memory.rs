//! The memory of a run.

/// The memory of a run's parts, in bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Footprint {
    /// The program with ONNX Runtime.
    pub program: f64,
    /// The loaded image encoders; with their working memory, if measured.
    pub encoder: f64,
    /// The loaded text-to-image model; with its working memory, if measured.
    pub generator: f64,
    /// Devices that hold the model in host memory; 0 for GPUs.
    pub copies: f64,
    /// A decoded source image.
    pub picture: f64,
    /// An input image of the encoder.
    pub pixels: f64,
    /// A row of a part.
    pub row: f64,
    /// A row group of a part.
    pub group: f64,
    /// An image's features in discovery.
    pub features: f64,
    /// An image's features where all classes are compared.
    pub compared: f64,
    /// An image's place in the index over all classes; 0 if none is built.
    pub indexed: f64,
    /// Workers.
    pub workers: f64,
    /// Shards processed at once.
    pub shards: f64,
    /// Classes processed at once.
    pub classes: f64,
}

impl Footprint {
    /// Bytes of decoding images and running the encoder on them.
    pub fn encoding(&self) -> f64 {
        self.copies * self.encoder + self.workers * self.picture
    }
}
