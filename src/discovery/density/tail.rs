//! The sparse tail of a class: rows whose neighbours are much farther than those of its other rows.

use crate::discovery::purity::neighbors_of;
use crate::discovery::{DiscoveryError, HnswSettings, Matrix, NeighborSearch, hnsw};
use crate::linalg::knn;

/// Scaled median deviations beyond which a value counts as an outlier (Iglewicz and Hoaglin 1993).
const DEVIATIONS: f64 = 3.5;
/// What the median deviation of normal values is multiplied by to give their standard deviation.
const NORMAL: f64 = 1.4826;

/// Each row's core distance: that to its k-th nearest other row, k as [`neighbors_of`] has it. 0 for a row alone.
///
/// # Errors
/// Rows that can't be compared.
pub fn core_distances(features: &Matrix) -> Result<Vec<f32>, DiscoveryError> {
    let rows = features.rows();
    let k = neighbors_of(rows).saturating_add(1).min(rows);
    let found = if NeighborSearch::Auto.uses_index(rows, features.cols()) {
        hnsw::search(features, k, &HnswSettings::default())?.neighbors
    } else {
        knn::exact(features, k)?
    };
    let last = |row| found.distances_of(row).last().copied().unwrap_or(0.0);
    Ok((0..rows).map(last).collect())
}

/// Which rows are sparse: the logarithm of the core distance lies above the median by more than 3.5 times the scaled
/// median deviation. Logarithms, since distances have a long upper tail of their own. Rows at distance 0 have duplicates:
/// they are dense, and the rest are judged among themselves.
pub fn sparse(core_distances: &[f32]) -> Vec<bool> {
    let log = |distance: f32| f64::from(distance).ln();
    let mut logs: Vec<f64> =
        core_distances.iter().filter(|distance| **distance > 0.0).map(|d| log(*d)).collect();
    let middle = median(&mut logs);
    let mut apart: Vec<f64> = logs.iter().map(|value| (value - middle).abs()).collect();
    let spread = NORMAL * median(&mut apart);
    // More than half of the distances are the same: nothing says how far the others may be.
    let most = if spread > 0.0 { middle + DEVIATIONS * spread } else { f64::INFINITY };
    core_distances.iter().map(|&distance| distance > 0.0 && log(distance) > most).collect()
}

/// The middle value, the upper one of two; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    /// A normal cloud of 300 rows in 6 columns; the last 9 far out, each by itself.
    fn cloud_with_strays() -> Matrix {
        let mut rng = Rng::new(4, &[]);
        Matrix::from_fn(300, 6, |row, col| {
            let far = if row >= 291 && col == row % 6 { 30.0 + 10.0 * row as f32 } else { 0.0 };
            far + rng.normal() as f32
        })
    }

    fn flagged(features: &Matrix) -> Vec<usize> {
        let flags = sparse(&core_distances(features).unwrap());
        (0..flags.len()).filter(|&row| flags[row]).collect()
    }

    #[test]
    fn strays_are_sparse_and_a_cloud_alone_hardly_has_any() {
        let all = flagged(&cloud_with_strays());
        assert!((291..300).all(|row| all.contains(&row)), "{all:?}");
        let cloud = cloud_with_strays().select(&(0..291).collect::<Vec<_>>());
        assert!(flagged(&cloud).len() <= 9, "{:?}", flagged(&cloud));
    }

    #[test]
    fn duplicates_and_equal_distances_are_dense() {
        assert_eq!(sparse(&[0.0; 40]), [false; 40]);
        assert_eq!(sparse(&[2.0; 40]), [false; 40]);
        let heaps = Matrix::from_fn(60, 2, |row, _| (row % 3) as f32);
        assert!(flagged(&heaps).is_empty());
        assert!(sparse(&[]).is_empty());
    }

    #[test]
    fn the_core_distance_is_the_kth_neighbours() {
        let line = Matrix::from_fn(9, 1, |row, _| (row * row) as f32);
        let found = core_distances(&line).unwrap();
        // Three neighbours: of row 0 the rows at 1, 4 and 9; of the last, at 64, those at 49, 36 and 25.
        assert_eq!((found[0], found[8]), (9.0, 39.0));
        assert_eq!(core_distances(&line.select(&[0])).unwrap(), [0.0]);
    }
}
