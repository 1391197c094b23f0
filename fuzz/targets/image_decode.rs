//! Any bytes as an image: never a panic, never more pixels than allowed.

#![no_main]

use coda_pipe::internals::imaging::{DecodeOptions, decode_rgb};
use libfuzzer_sys::fuzz_target;

const LIMITS: DecodeOptions =
    DecodeOptions { max_pixels: 1 << 16, max_bytes: 1 << 20, exif_orientation: true };

fuzz_target!(|data: &[u8]| {
    if let Ok(image) = decode_rgb(data, LIMITS) {
        let (width, height) = image.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        assert!(pixels <= LIMITS.max_pixels, "{width} x {height}");
        assert_eq!(image.as_raw().len() as u64, 3 * pixels);
    }
});
