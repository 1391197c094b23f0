//! What takes memory.

/// What takes memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Footprint {
    /// The program with ONNX Runtime.
    pub program: f64,
    /// The image encoders, loaded; with what a run of one takes, where that was measured.
    pub encoder: f64,
    /// The text-to-image model, likewise.
    pub generator: f64,
    /// Devices on the host's own memory that hold the model; 0 where cards hold it.
    pub copies: f64,
    /// A decoded source image.
    pub picture: f64,
    /// An image as the encoder takes it.
    pub pixels: f64,
    /// A row of a part.
    pub row: f64,
    /// A row group of a part.
    pub group: f64,
    /// An image's features in discovery.
    pub features: f64,
    /// Workers, and shards and classes at once.
    pub workers: f64,
    /// Shards worked on at once.
    pub shards: f64,
    /// Classes worked on at once.
    pub classes: f64,
}

impl Footprint {
    /// Bytes of decoding images and running the encoder on them.
    pub fn encoding(&self) -> f64 {
        self.copies * self.encoder + self.workers * self.picture
    }
}
