//! What a decoder may do and take.

/// How to decode, and how much an image may take, checked from its header before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Largest width × height; 128 Mi by default.
    pub max_pixels: u64,
    /// Most bytes for the decoder's output and, where the decoder keeps count, its work memory;
    /// 1 GiB by default.
    pub max_bytes: u64,
    /// Turn the image as its EXIF orientation says; off by default.
    pub exif_orientation: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 128 << 20, max_bytes: 1 << 30, exif_orientation: false }
    }
}
