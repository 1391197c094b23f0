//! `torch.randn` on a CUDA device, from PyTorch's and cuRAND's documented behaviour.
//!
//! Each value belongs to a thread of the kernel: thread i draws the first of four normals from cuRAND's Philox4x32-10
//! with the seed as key and i as subsequence. A thread comes back for more only where there are more values than
//! resident threads (SMs × 2,048; over 130,000 on any card with 64 SMs), which a latent at 1,024 pixels, 65,536 values,
//! never reaches.

use super::philox::philox4x32;

/// `count` values of a generator seeded with `seed`, as a card with room for `count` threads gives them.
pub(super) fn randn(seed: u64, count: usize) -> Vec<f32> {
    let key = [seed as u32, (seed >> 32) as u32];
    (0..count as u64)
        .map(|thread| {
            // Words 0 and 1 count draws, words 2 and 3 are the subsequence.
            let words = philox4x32([0, 0, thread as u32, (thread >> 32) as u32], key);
            normal(words[0], words[1])
        })
        .collect()
}

/// cuRAND's Box-Muller, its first value (the sine), in single precision as there.
fn normal(radius: u32, angle: u32) -> f32 {
    const UNIT: f32 = 2.328_306_4e-10;
    const TURN: f32 = 2.328_306_4e-10 * std::f32::consts::TAU;
    let radius = radius as f32 * UNIT + UNIT / 2.0;
    let angle = angle as f32 * TURN + TURN / 2.0;
    (-2.0 * radius.ln()).sqrt() * angle.sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.manual_seed(0); torch.randn(3, 4, device="cuda")`, as often printed.
    #[test]
    fn the_first_values_are_a_cuda_generators() {
        let expected = [
            -0.924_662_6,
            -0.425_344_15,
            -2.643_845_7,
            0.145_183_88,
            -0.120_866_47,
            -0.579_725_6,
            -0.622_851_2,
            -0.328_387_1,
            -1.074_542_3,
            -0.363_144_07,
            -1.671_050_7,
            2.265_505,
        ];
        for (i, (found, expected)) in randn(0, 12).iter().zip(expected).enumerate() {
            let expected: f32 = expected;
            assert!((found - expected).abs() < 2e-6, "{i}: {found} for {expected}");
        }
    }
}
