//! How much a choice of cores changes from one search to the next.

use super::agreement::{core_distance, jaccard, rand_index};
use crate::linalg::points::Points;

/// What one search found.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Rows of the cores.
    pub rows: Vec<usize>,
    /// Their features.
    pub cores: Points,
    /// Each row's cluster; −1 for noise.
    pub labels: Vec<i32>,
}

/// How far searches agree, on average over pairs of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Jaccard index of the cores' rows: 0 to 1.
    pub cores: f64,
    /// Adjusted Rand index of the clusters.
    pub clusters: f64,
    /// The distance of a core to the nearest of the other search, as a share of what it is between random rows.
    pub distance: f64,
}

impl Agreement {
    /// Between all pairs of `choices`; `None` of fewer than two. `chance` is [`between_random`].
    pub fn among(choices: &[Choice], chance: f64) -> Option<Self> {
        let later = |at: usize| choices[at + 1..].iter().map(move |other| (&choices[at], other));
        Self::of((0..choices.len()).flat_map(later).collect(), chance)
    }

    /// Between `choice` and each of `others`.
    pub fn with(choice: &Choice, others: &[Choice], chance: f64) -> Option<Self> {
        Self::of(others.iter().map(|other| (choice, other)).collect(), chance)
    }

    fn of(pairs: Vec<(&Choice, &Choice)>, chance: f64) -> Option<Self> {
        let count = pairs.len() as f64;
        let mean = |measure: fn(&Choice, &Choice) -> f64| {
            pairs.iter().map(|(a, b)| measure(a, b)).sum::<f64>() / count
        };
        let apart = mean(|a, b| core_distance(&a.cores, &b.cores));
        (!pairs.is_empty()).then(|| Self {
            cores: mean(|a, b| jaccard(&a.rows, &b.rows)),
            clusters: mean(|a, b| rand_index(&a.labels, &b.labels)),
            distance: if chance > 0.0 { apart / chance } else { 0.0 },
        })
    }
}

/// The mean distance between random choices, each pair of `samples`.
pub fn between_random(samples: &[Points]) -> f64 {
    let later = |at: usize| samples[at + 1..].iter().map(move |other| (&samples[at], other));
    let pairs: Vec<_> = (0..samples.len()).flat_map(later).collect();
    let sum: f64 = pairs.iter().map(|(a, b)| core_distance(a, b)).sum();
    sum / pairs.len().max(1) as f64
}

/// A setting between 2 and `most` a fifth lower and a fifth higher, moved by 1 at least; what can't be moved is left out.
pub fn fifths(value: usize, most: usize) -> Vec<usize> {
    let value = value.min(most);
    let moved = [0.8, 1.2].into_iter().map(|share: f64| {
        let exact = value as f64 * share;
        let round = if exact.round() as usize != value {
            exact.round()
        } else if share < 1.0 {
            exact.floor()
        } else {
            exact.ceil()
        };
        (round as usize).clamp(2, most)
    });
    moved.filter(|moved| *moved != value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(rows: &[usize], labels: &[i32]) -> Choice {
        let cores = Points::new(1, rows.iter().map(|row| *row as f64).collect());
        Choice { rows: rows.to_vec(), cores, labels: labels.to_vec() }
    }

    #[test]
    fn pairs_are_averaged() {
        let labels = [0, 0, 1, 1];
        let all = [choice(&[0, 2], &labels), choice(&[0, 2], &labels), choice(&[1, 3], &labels)];
        // Pairs: equal, apart by 1, apart by 1.
        let found = Agreement::among(&all, 2.0).unwrap();
        let expected = Agreement { cores: 1.0 / 3.0, clusters: 1.0, distance: 1.0 / 3.0 };
        assert!((found.cores - expected.cores).abs() < 1e-12 && found.clusters == 1.0);
        assert!((found.distance - expected.distance).abs() < 1e-12, "{found:?}");
        let found = Agreement::with(&all[0], &all[2..], 2.0).unwrap();
        assert_eq!(found, Agreement { cores: 0.0, clusters: 1.0, distance: 0.5 });
        assert_eq!(Agreement::among(&all[..1], 1.0), None);
        let line = |from: f64| Points::new(1, vec![from, from + 10.0]);
        assert_eq!(between_random(&[line(0.0), line(1.0), line(3.0)]), 2.0);
    }

    #[test]
    fn a_setting_is_changed_or_left_out() {
        assert_eq!(fifths(15, 400), [12, 18]);
        assert_eq!(fifths(2, 400), [3]);
        assert_eq!(fifths(3, 400), [2, 4]);
        assert_eq!(fifths(15, 9), [7]);
        assert_eq!(fifths(2, 2), [0; 0]);
    }
}
