//! How many of an image's neighbours, over all classes, carry its own label.

use rayon::prelude::*;

use super::hnsw::{self, HnswSettings};
use super::{DiscoveryError, Matrix, NeighborSearch};
use crate::linalg::knn::{self, Neighbors};

/// Neighbours looked at, the row itself not counted.
pub const NEIGHBORS: usize = 15;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Purity {
    /// For each row the share of its neighbours with its own label, 0 to 1; 1 for a row without neighbours.
    pub shares: Vec<f32>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// Measures each row's purity. `labels` has one number a row; equal numbers are one class.
///
/// # Errors
/// Rows that can't be compared, or index settings out of range.
pub fn purity(
    features: &Matrix,
    labels: &[u32],
    search: NeighborSearch,
    index: &HnswSettings,
) -> Result<Purity, DiscoveryError> {
    let k = (NEIGHBORS + 1).min(features.rows());
    let (found, log) = if search.uses_index(features.rows(), features.cols()) {
        let found = hnsw::search(features, k, index)?;
        (found.neighbors, found.log)
    } else {
        (knn::exact(features, k)?, Vec::new())
    };
    let shares = (0..features.rows()).into_par_iter().map(|row| share(&found, labels, row));
    Ok(Purity { shares: shares.collect(), log })
}

fn share(found: &Neighbors, labels: &[u32], row: usize) -> f32 {
    // The first is the row itself.
    let others = found.of(row).get(1..).unwrap_or_default();
    let own = labels.get(row);
    let same = others.iter().filter(|&&other| labels.get(other as usize) == own).count();
    if others.is_empty() { 1.0 } else { same as f32 / others.len() as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_label_among_its_like_shows() {
        // Two far groups of 30; the last of the second carries the first one's label.
        let features = Matrix::from_fn(60, 2, |row, col| {
            (row / 30) as f32 * 100.0 + ((row * 7 + col * 3) % 11) as f32
        });
        let mut labels: Vec<u32> = (0..60).map(|row| row / 30).collect();
        labels[59] = 0;
        for search in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let found = purity(&features, &labels, search, &HnswSettings::default()).unwrap();
            assert_eq!(found.shares[59], 0.0, "{search}");
            assert!(found.shares[..30].iter().all(|share| *share == 1.0), "{search}");
            assert!(found.shares[30..59].iter().all(|share| *share >= 14.0 / 15.0), "{search}");
        }
    }

    #[test]
    fn a_lonely_row_is_pure() {
        let lonely = Matrix::from_fn(1, 3, |_, _| 1.0);
        let found = purity(&lonely, &[4], NeighborSearch::Auto, &HnswSettings::default()).unwrap();
        assert_eq!(found.shares, [1.0]);
    }
}
