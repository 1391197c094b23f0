//! Any bytes behind a JPEG's start: its segments, and both decoders. Never a panic, never more pixels than allowed.

#![no_main]

use coda_pipe::internals::imaging::{DecodeOptions, decode_rgb};
use libfuzzer_sys::fuzz_target;

const LIMITS: DecodeOptions =
    DecodeOptions { max_pixels: 1 << 14, max_bytes: 1 << 18, exif_orientation: true };

fuzz_target!(|data: &[u8]| {
    let data = data.strip_prefix(b"\xff\xd8").unwrap_or(data);
    let open = [b"\xff\xd8", data].concat();
    let ended = [&open[..], b"\xff\xd9"].concat();
    let padded = [&open[..], &[0; 32]].concat();
    for bytes in [open, ended, padded] {
        if let Ok(image) = decode_rgb(&bytes, LIMITS) {
            let (width, height) = image.dimensions();
            let pixels = u64::from(width) * u64::from(height);
            assert!(pixels <= LIMITS.max_pixels, "{width} x {height}");
            assert_eq!(image.as_raw().len() as u64, 3 * pixels);
        }
    }
});
