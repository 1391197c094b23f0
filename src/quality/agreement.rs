//! How far two searches for cores agree.

use crate::linalg::points::{Points, squared_distance};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that both have, as a share of the rows that either has: 0 to 1. Two empty choices agree.
pub fn jaccard(left: &[usize], right: &[usize]) -> f64 {
    let (left, right): (BTreeSet<_>, BTreeSet<_>) = (left.iter().collect(), right.iter().collect());
    let both = left.intersection(&right).count();
    let either = left.union(&right).count();
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// The adjusted Rand index of two partitions of the same rows (Hubert, Arabie 1985): 1 where they are equal, 0 on
/// average over partitions at random. A label is a part like any other, −1 (noise) too.
pub fn rand_index(left: &[i32], right: &[i32]) -> f64 {
    let pairs = |count: usize| count as f64 * (count as f64 - 1.0) / 2.0;
    let mut together: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    let (mut lefts, mut rights): (BTreeMap<i32, usize>, BTreeMap<i32, usize>) = Default::default();
    for (&a, &b) in left.iter().zip(right) {
        *together.entry((a, b)).or_default() += 1;
        *lefts.entry(a).or_default() += 1;
        *rights.entry(b).or_default() += 1;
    }
    let both: f64 = together.values().map(|&count| pairs(count)).sum();
    let of_left: f64 = lefts.values().map(|&count| pairs(count)).sum();
    let of_right: f64 = rights.values().map(|&count| pairs(count)).sum();
    let all = pairs(left.len().min(right.len()));
    let expected = if all > 0.0 { of_left * of_right / all } else { 0.0 };
    let most = (of_left + of_right) / 2.0;
    // Both of one part, or both of single rows: they cannot differ.
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}

/// The mean distance from a row of either choice to the nearest of the other; 0 where one is empty.
pub fn core_distance(left: &Points, right: &Points) -> f64 {
    let nearest = |row: &[f64], others: &Points| {
        let distances = others.iter().map(|other| squared_distance(row, other));
        distances.fold(f64::INFINITY, f64::min).sqrt()
    };
    if left.rows() == 0 || right.rows() == 0 {
        return 0.0;
    }
    let there: f64 = left.iter().map(|row| nearest(row, right)).sum();
    let back: f64 = right.iter().map(|row| nearest(row, left)).sum();
    (there + back) / (left.rows() + right.rows()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_common() {
        assert_eq!(jaccard(&[1, 2, 3], &[3, 2, 9]), 0.5);
        assert_eq!(jaccard(&[1], &[2]), 0.0);
        assert_eq!(jaccard(&[], &[]), 1.0);
    }

    #[test]
    fn partitions() {
        assert_eq!(rand_index(&[0, 0, 1, 1], &[5, 5, -1, -1]), 1.0);
        assert_eq!(rand_index(&[0, 0, 0], &[1, 1, 1]), 1.0);
        assert_eq!(rand_index(&[], &[]), 1.0);
        // By hand: 2 pairs together in both, of 4 and 3; expected 4·3/15.
        let found = rand_index(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 1, 2]);
        assert!((found - (2.0 - 16.0 / 15.0) / (4.0 - 16.0 / 15.0)).abs() < 1e-12, "{found}");
    }

    #[test]
    fn near_cores_are_near_also_where_no_row_is_the_same() {
        let line = |values: &[f64]| Points::new(1, values.to_vec());
        assert_eq!(core_distance(&line(&[0.0, 10.0]), &line(&[1.0, 12.0])), 1.5);
        assert_eq!(core_distance(&line(&[0.0, 10.0]), &line(&[10.0, 0.0])), 0.0);
    }
}
