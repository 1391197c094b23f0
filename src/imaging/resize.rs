//! Pillow's `resize(size, LANCZOS)` for RGB images, byte for byte.
//!
//! Two passes, horizontal then vertical, with an 8-bit image between them; a pass that changes
//! nothing is left out. (Pillow up to 12 does exactly this; 13.0 goes vertically first for some
//! tall images, which changes sharp edges by a few levels.) Sums are exact integers, so the result is the same on every machine (the
//! weights' sines could differ in a last bit between C libraries; rounding to 22 bits hides it).

use std::borrow::Cow;

use image::RgbImage;

use super::error::ImagingError;
use super::lanczos::{AxisWeights, PRECISION_BITS};

const CHANNELS: usize = 3;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Resizes to `width` × `height` with the antialiased Lanczos filter.
///
/// # Errors
/// [`ImagingError::BadSize`] if the image or the requested size is empty or out of range.
pub fn resize_lanczos(image: &RgbImage, width: u32, height: u32) -> Result<RgbImage, ImagingError> {
    let (from_width, from_height) = image.dimensions();
    if from_width == 0 || from_height == 0 {
        return Err(ImagingError::BadSize { width: from_width, height: from_height });
    }
    let bad_size = ImagingError::BadSize { width, height };
    let pixels = (width as usize).checked_mul(height as usize);
    if !pixels.is_some_and(|count| count > 0 && count <= isize::MAX as usize / CHANNELS) {
        return Err(bad_size);
    }
    let mut pixels = Cow::Borrowed(image.as_raw().as_slice());
    if width != from_width {
        let axis = AxisWeights::lanczos(from_width, width);
        pixels = Cow::Owned(resample_rows(&pixels, from_width as usize, width as usize, &axis));
    }
    if height != from_height {
        let axis = AxisWeights::lanczos(from_height, height);
        pixels = Cow::Owned(resample_columns(&pixels, width as usize, height as usize, &axis));
    }
    RgbImage::from_raw(width, height, pixels.into_owned()).ok_or(bad_size)
}

/// Every row from `from_width` to `width` pixels.
fn resample_rows(pixels: &[u8], from_width: usize, width: usize, axis: &AxisWeights) -> Vec<u8> {
    let rows = pixels.len() / (from_width * CHANNELS);
    let mut out = Vec::with_capacity(rows * width * CHANNELS);
    for row in pixels.chunks_exact(from_width * CHANNELS) {
        let (row, _) = row.as_chunks::<CHANNELS>();
        for (start, weights) in axis.iter() {
            let window = row.get(start..).unwrap_or(&[]);
            let [mut red, mut green, mut blue] = [HALF; CHANNELS];
            for (&[r, g, b], &weight) in window.iter().zip(weights) {
                red += i32::from(r) * weight;
                green += i32::from(g) * weight;
                blue += i32::from(b) * weight;
            }
            out.extend([to_level(red), to_level(green), to_level(blue)]);
        }
    }
    out
}

/// Every column to `height` pixels. A row at a time, so that the inner loop runs along memory.
fn resample_columns(pixels: &[u8], width: usize, height: usize, axis: &AxisWeights) -> Vec<u8> {
    let stride = width * CHANNELS;
    let mut out = Vec::with_capacity(height * stride);
    let mut sums = vec![HALF; stride];
    for (start, weights) in axis.iter() {
        sums.fill(HALF);
        let window = pixels.get(start * stride..).unwrap_or(&[]);
        for (row, &weight) in window.chunks_exact(stride).zip(weights) {
            for (sum, &level) in sums.iter_mut().zip(row) {
                *sum += i32::from(level) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| to_level(sum)));
    }
    out
}

/// A sum in fixed point to the nearest grey level; the filter over- and undershoots at edges.
fn to_level(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
#[path = "resize_tests.rs"]
mod tests;
