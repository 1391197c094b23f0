//! Seeded random streams. One seed and the names of what is being drawn give one stream, so no
//! draw depends on the order in which threads run.

use std::f64::consts::TAU;

/// The odd constant of SplitMix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Finalises a 64-bit state into an equidistributed output (SplitMix64's mixer).
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream that belongs to `seed` and to the path `names` (a purpose, an epoch, a vertex…).
    pub fn new(seed: u64, names: &[u64]) -> Self {
        let start = Self { state: mix(seed.wrapping_add(GOLDEN)) };
        names.iter().fold(start, |stream, &name| stream.child(name))
    }

    /// The stream that belongs to this one's path with `name` appended, if nothing was drawn yet.
    pub fn child(&self, name: u64) -> Self {
        let name = mix(name.wrapping_add(GOLDEN)).wrapping_mul(GOLDEN);
        Self { state: mix(self.state ^ name) }
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0..bound (0 if `bound` is 0), by multiply-shift: its bias is below bound / 2⁶⁴.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_and_by_name_and_repeat() {
        let first = |seed, names: &[u64]| Rng::new(seed, names).next_u64();
        assert_eq!(first(1, &[2, 3]), first(1, &[2, 3]));
        let seen = [first(1, &[2, 3]), first(2, &[2, 3]), first(1, &[3, 2]), first(1, &[2])];
        for (at, value) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(value));
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(7, &[]);
        let draws = 20_000;
        let mut counts = [0usize; 5];
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..draws {
            counts[rng.below(5)] += 1;
            let normal = rng.normal();
            sum += normal;
            squares += normal * normal;
        }
        assert!(counts.iter().all(|&count| (3_700..4_300).contains(&count)), "{counts:?}");
        assert!((sum / draws as f64).abs() < 0.03);
        assert!((squares / draws as f64 - 1.0).abs() < 0.05);
    }
}
