//! Pillow's `resize(size, LANCZOS)` for RGB images, byte for byte.
//!
//! Two passes, horizontal then vertical, with an 8-bit image between them; a pass that changes
//! nothing is left out. (Pillow up to 12 does exactly this; 13.0 goes vertically first for some
//! tall images, which changes sharp edges by a few levels.) Sums are exact integers, so the result is the same on every machine (the
//! weights' sines could differ in a last bit between C libraries; rounding to 22 bits hides it), and each loop is
//! compiled for every set of vector instructions and chosen when it runs.

use std::borrow::Cow;

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};

use super::error::ImagingError;
use super::lanczos::{AxisWeights, PRECISION_BITS};
use super::strip::{LANES, from_strip, to_strip};

const CHANNELS: usize = 3;
const HALF: i32 = 1 << (PRECISION_BITS - 1);
/// Neighbouring levels that are summed at once, in registers.
const BLOCK: usize = 32;

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
        let from = from_width as usize * CHANNELS;
        let along_rows = AlongRows { pixels: &pixels, from, axis: &axis };
        pixels = Cow::Owned(Arch::new().dispatch(along_rows));
    }
    if height != from_height {
        let axis = AxisWeights::lanczos(from_height, height);
        let down = DownColumns { pixels: &pixels, stride: width as usize * CHANNELS, axis: &axis };
        pixels = Cow::Owned(Arch::new().dispatch(down));
    }
    RgbImage::from_raw(width, height, pixels.into_owned()).ok_or(bad_size)
}

/// Every row to as many pixels as the axis has positions: a strip of rows at a time, turned so that they are columns.
struct AlongRows<'a> {
    pixels: &'a [u8],
    /// Levels of a row before.
    from: usize,
    axis: &'a AxisWeights,
}

impl WithSimd for AlongRows<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<u8> {
        let to = self.axis.len() * CHANNELS;
        let mut out = vec![0; self.pixels.len() / self.from * to];
        let mut strip = vec![[0; LANES]; self.from];
        let mut resampled = vec![[0; LANES]; to];
        let strips = self.pixels.chunks(LANES * self.from).zip(out.chunks_mut(LANES * to));
        for (rows, rows_out) in strips {
            to_strip(rows, &mut strip);
            let (pixels, stride) = (strip.as_flattened(), CHANNELS * LANES);
            weigh_rows(pixels, stride, self.axis, resampled.as_flattened_mut());
            from_strip(&resampled, rows_out);
        }
        out
    }
}

/// Every column to as many pixels as the axis has positions.
struct DownColumns<'a> {
    pixels: &'a [u8],
    /// Levels of a row.
    stride: usize,
    axis: &'a AxisWeights,
}

impl WithSimd for DownColumns<'_> {
    type Output = Vec<u8>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<u8> {
        let mut out = vec![0; self.axis.len() * self.stride];
        weigh_rows(self.pixels, self.stride, self.axis, &mut out);
        out
    }
}

/// Makes the rows of `out`, of `stride` levels each like those of `pixels`, from weighted sums of rows of `pixels`.
#[inline(always)]
fn weigh_rows(pixels: &[u8], stride: usize, axis: &AxisWeights, out: &mut [u8]) {
    for ((start, weights), row) in axis.iter().zip(out.chunks_exact_mut(stride)) {
        let window = pixels.get(start * stride..).unwrap_or(&[]);
        let (blocks, rest) = row.as_chunks_mut::<BLOCK>();
        let rest_at = blocks.len() * BLOCK;
        for (block, levels) in blocks.iter_mut().enumerate() {
            *levels = weigh_levels(window, stride, block * BLOCK, weights);
        }
        for (column, level) in rest.iter_mut().enumerate() {
            [*level] = weigh_levels(window, stride, rest_at + column, weights);
        }
    }
}

/// `N` neighbouring levels of an output row, from `column` on.
#[inline(always)]
fn weigh_levels<const N: usize>(
    window: &[u8],
    stride: usize,
    column: usize,
    weights: &[i32],
) -> [u8; N] {
    let mut sums = [HALF; N];
    for (row, &weight) in weights.iter().enumerate() {
        let from = row * stride + column;
        let levels = window.get(from..).and_then(|levels| levels.first_chunk::<N>());
        let Some(levels) = levels else { break };
        for (sum, &level) in sums.iter_mut().zip(levels) {
            *sum += i32::from(level) * weight;
        }
    }
    to_levels(sums)
}

/// Sums in fixed point to the nearest grey level; the filter over- and undershoots at edges. (A loop, for `map`'s
/// closure is not compiled with its caller's instructions.)
#[inline(always)]
fn to_levels<const N: usize>(sums: [i32; N]) -> [u8; N] {
    let mut levels = [0; N];
    for (level, sum) in levels.iter_mut().zip(sums) {
        *level = (sum >> PRECISION_BITS).clamp(0, 255) as u8;
    }
    levels
}

#[cfg(test)]
#[path = "resize_tests.rs"]
mod tests;
