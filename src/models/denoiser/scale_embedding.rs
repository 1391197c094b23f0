//! The guidance scale as a vector: sines and cosines of 1000 · w at falling frequencies (arXiv 2310.04378, after VDM).

/// Factor of the scale.
const FACTOR: f32 = 1000.0;
/// The greatest period over the least.
const PERIODS: f32 = 10_000.0;

/// The embedding of `scale` in `width` values: sines, then cosines, then a zero where the width is odd.
pub(super) fn scale_embedding(scale: f32, width: usize) -> Vec<f32> {
    let half = width / 2;
    let rate = PERIODS.ln() / half.saturating_sub(1).max(1) as f32;
    let frequency = |at: usize| f64::from(at as f32 * -rate).exp() as f32;
    let angle = |at: usize| f64::from(scale * FACTOR * frequency(at));
    let sines = (0..half).map(|at| angle(at).sin() as f32);
    let cosines = (0..half).map(|at| angle(at).cos() as f32);
    sines.chain(cosines).chain(std::iter::repeat_n(0.0, width % 2)).collect()
}
