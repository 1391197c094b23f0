//! Random rows.

use crate::linalg::rng::Rng;

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

/// How many of each class, of `counts`, make up about `most` of all in equal shares of each; all where there are no more.
pub fn shares(counts: &[usize], most: usize) -> Vec<usize> {
    let all: usize = counts.iter().sum();
    let share = |count: usize| match all > most {
        true => (count as f64 * most as f64 / all as f64).ceil() as usize,
        false => count,
    };
    counts.iter().map(|&count| share(count)).collect()
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

    #[test]
    fn shares_are_equal_and_no_class_goes_without() {
        assert_eq!(shares(&[10, 20], 30), [10, 20]);
        assert_eq!(shares(&[1_000, 3_000, 1], 400), [100, 300, 1]);
    }
}
