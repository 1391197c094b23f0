//! How far the neighbours of an image, over all classes, agree with its label.

mod margins;
mod noise;

pub use noise::LabelNoise;

use super::hnsw::{self, HnswSettings, Index};
use super::{DiscoveryError, Matrix, NeighborSearch};
use crate::linalg::knn::{self, Neighbors};
use margins::Votes;
use rayon::prelude::*;

/// Neighbours looked at, the row itself not counted.
pub const NEIGHBORS: usize = 15;

/// The neighbours that a class of `rows` rows gives a row to be judged by: their square root, 3 to [`NEIGHBORS`].
pub fn neighbors_of(rows: usize) -> usize {
    ((rows as f64).sqrt().round() as usize).clamp(3, NEIGHBORS)
}

/// What was measured.
#[derive(Debug)]
pub struct Purity {
    /// For each row the share of its neighbours with its own label, 0 to 1; 1 for a row without neighbours.
    pub shares: Vec<f32>,
    /// For each row the largest share of its neighbours with one other label.
    pub others: Vec<f32>,
    /// Which labels are likely wrong.
    pub noise: LabelNoise,
    /// The index that found the neighbours, if one was built.
    pub index: Option<Index<'static>>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// Measures each row's purity among its `k` nearest others. `labels` has one number a row; equal numbers are one class.
///
/// # Errors
/// Rows that can't be compared, or index settings out of range.
pub fn purity(
    features: &Matrix,
    labels: &[u32],
    k: usize,
    search: NeighborSearch,
    index: &HnswSettings,
) -> Result<Purity, DiscoveryError> {
    let k = k.saturating_add(1).min(features.rows());
    let (found, index, log) = if search.uses_index(features.rows(), features.cols()) {
        let found = hnsw::search(features, k, index)?;
        (found.neighbors, Some(found.index), found.log)
    } else {
        (knn::exact(features, k)?, None, Vec::new())
    };
    let rows = (0..features.rows()).into_par_iter();
    let shares: Vec<(f32, f32)> = rows.map(|row| shares(&found, labels, row)).collect();
    let (shares, others) = shares.into_iter().unzip();
    Ok(Purity { shares, others, noise: LabelNoise::of(&found, labels), index, log })
}

/// The shares of a row's own label and of the most frequent other one.
fn shares(found: &Neighbors, labels: &[u32], row: usize) -> (f32, f32) {
    let votes = Votes::of(found, labels, row);
    let all = votes.total() as f32;
    if all == 0.0 { (1.0, 0.0) } else { (votes.own() as f32 / all, votes.other() as f32 / all) }
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
            let index = HnswSettings::default();
            let found = purity(&features, &labels, NEIGHBORS, search, &index).unwrap();
            assert_eq!(found.shares[59], 0.0, "{search}");
            assert_eq!(found.others[59], 1.0, "{search}");
            assert!(found.shares[..30].iter().all(|share| *share == 1.0), "{search}");
            assert!(found.shares[30..59].iter().all(|share| *share >= 14.0 / 15.0), "{search}");
            assert_eq!(found.index.is_some(), search == NeighborSearch::Hnsw);
        }
    }

    #[test]
    fn the_index_finds_the_same_after_its_way_to_disk_and_back() {
        let mut rng = crate::linalg::rng::Rng::new(2, &[]);
        let features = Matrix::from_fn(500, 6, |_, _| rng.normal() as f32);
        let labels: Vec<u32> = (0..500).map(|row| row % 5).collect();
        let (search, settings) = (NeighborSearch::Hnsw, HnswSettings::default());
        let index = purity(&features, &labels, 9, search, &settings).unwrap().index.unwrap();
        let folder = tempfile::tempdir().unwrap();
        index.dump(folder.path(), "index").unwrap();
        let ef = settings.ef_search;
        let again =
            hnsw::with_loaded(folder.path(), "index", ef, |index| index.search(&features, 10));
        assert_eq!(again.unwrap(), index.search(&features, 10));
    }

    #[test]
    fn a_lonely_row_is_pure() {
        let lonely = Matrix::from_fn(1, 3, |_, _| 1.0);
        let index = HnswSettings::default();
        let found = purity(&lonely, &[4], NEIGHBORS, NeighborSearch::Auto, &index).unwrap();
        assert_eq!((found.shares, found.others), (vec![1.0], vec![0.0]));
        assert_eq!((found.noise.wrong, found.noise.rate), (vec![false], None));
    }

    #[test]
    fn small_classes_look_at_fewer_neighbours() {
        assert_eq!([0, 9, 20, 225, 5000].map(neighbors_of), [3, 3, 4, 15, 15]);
    }
}
