//! Weights of the antialiased Lanczos filter along one axis, in Pillow's fixed point.
//!
//! The facts, from Pillow's resampler for 8-bit images: the filter a = 3 is stretched by the scale
//! when shrinking; output pixel i is centred at (i + 0.5)·scale; its window is
//! [⌊centre − support + 0.5⌋, ⌊centre + support + 0.5⌋) clipped to the image; weights are computed
//! in f64, divided by their sum, and rounded (half away from zero) to 22 fractional bits.

use std::f64::consts::PI;

/// Fractional bits of a weight: 32 less 8 for the pixel and 2 for the sign and overshoot.
pub(super) const PRECISION_BITS: u32 = 22;
/// Half-width of the filter at scale 1.
const LANCZOS_SUPPORT: f64 = 3.0;

/// The window and weights of every output position along one axis.
pub(super) struct AxisWeights {
    taps: Vec<Taps>,
    /// All windows' weights, one after the other.
    weights: Vec<i32>,
}

/// One output position: input positions `start..start + length`.
struct Taps {
    start: usize,
    length: usize,
    first_weight: usize,
}

impl AxisWeights {
    /// Weights that resample `input` positions to `output` (both at least 1).
    pub fn lanczos(input: u32, output: u32) -> Self {
        let scale = f64::from(input) / f64::from(output);
        let filter_scale = scale.max(1.0);
        let support = LANCZOS_SUPPORT * filter_scale;
        let mut axis = Self { taps: Vec::new(), weights: Vec::new() };
        for position in 0..output {
            let centre = (f64::from(position) + 0.5) * scale;
            // Truncation and clipping at both ends; the values are far below 2⁵³.
            let start = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(input as usize);
            let at = |i: usize| lanczos((i as f64 - centre + 0.5) / filter_scale);
            axis.push(start, (start..end).map(at).collect());
        }
        axis
    }

    fn push(&mut self, start: usize, weights: Vec<f64>) {
        let sum: f64 = weights.iter().sum();
        let unit = f64::from(1u32 << PRECISION_BITS);
        self.taps.push(Taps { start, length: weights.len(), first_weight: self.weights.len() });
        // f64::round is half away from zero, as the filter wants it.
        self.weights.extend(weights.iter().map(|weight| (weight / sum * unit).round() as i32));
    }

    /// Number of output positions.
    pub fn len(&self) -> usize {
        self.taps.len()
    }

    /// For every output position: the first input position and the weights from there on.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.taps.iter().map(|taps| {
            let range = taps.first_weight..taps.first_weight + taps.length;
            (taps.start, self.weights.get(range).unwrap_or(&[]))
        })
    }
}

fn lanczos(x: f64) -> f64 {
    if (-LANCZOS_SUPPORT..LANCZOS_SUPPORT).contains(&x) {
        sinc(x) * sinc(x / LANCZOS_SUPPORT)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of the resampler stay within 32 bits only if this holds: 255 · Σ|w| + ½ < 2³¹.
    #[test]
    fn weights_sum_to_one_and_cannot_overflow() {
        let sizes = (1..80).chain([127, 128, 500, 1000, 1024]);
        for (input, output) in sizes.clone().flat_map(|i| sizes.clone().map(move |o| (i, o))) {
            let axis = AxisWeights::lanczos(input, output);
            assert_eq!(axis.iter().count(), output as usize);
            for (start, weights) in axis.iter() {
                assert!(start + weights.len() <= input as usize && !weights.is_empty());
                let sum: i64 = weights.iter().map(|&w| i64::from(w)).sum();
                assert!((sum - (1 << PRECISION_BITS)).abs() <= weights.len() as i64);
                let size: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
                assert!(255 * size + (1 << 21) < 1 << 31, "{input} to {output}: {size}");
            }
        }
    }

    #[test]
    fn same_size_is_the_identity() {
        for (position, (start, weights)) in AxisWeights::lanczos(9, 9).iter().enumerate() {
            for (offset, &weight) in weights.iter().enumerate() {
                let expected = if start + offset == position { 1 << PRECISION_BITS } else { 0 };
                assert_eq!(weight, expected);
            }
        }
    }
}
