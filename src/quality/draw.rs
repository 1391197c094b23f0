//! Random rows.

use crate::discovery::rng::Rng;

/// `count` different numbers below `of` (all, if there are fewer), ascending, by the stream of `seed` and `name`.
pub fn draw(count: usize, of: usize, seed: u64, name: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed, &[0xD2A3, name]);
    let mut rows: Vec<usize> = (0..of).collect();
    let count = count.min(of);
    for at in 0..count {
        let other = at + rng.below(of - at);
        rows.swap(at, other);
    }
    rows.truncate(count);
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_as_likely_and_seeds_differ() {
        let mut seen = [0usize; 10];
        for seed in 0..3_000 {
            let rows = draw(3, 10, seed, 1);
            assert!(rows.len() == 3 && rows.is_sorted_by(|a, b| a < b));
            rows.into_iter().for_each(|row| seen[row] += 1);
        }
        assert!(seen.iter().all(|count| (780..1020).contains(count)), "{seen:?}");
        assert_ne!(draw(5, 100, 0, 1), draw(5, 100, 0, 2));
        assert_eq!(draw(9, 4, 0, 0), [0, 1, 2, 3]);
    }
}
