//! How far the neighbours of an image, over all classes, agree with its label.

mod margins;
mod noise;
mod parts;

pub use noise::LabelNoise;
pub use parts::{Part, joined, parts_of};

use crate::linalg::knn::Neighbors;
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
}

/// Measures each row's purity among its neighbours, of which the first is the row itself. `labels` has one number a row;
/// equal numbers are one class.
pub fn purity(found: &Neighbors, labels: &[u32]) -> Purity {
    let rows = (0..labels.len()).into_par_iter();
    let shares: Vec<(f32, f32)> = rows.map(|row| shares(found, labels, row)).collect();
    let (shares, others) = shares.into_iter().unzip();
    Purity { shares, others, noise: LabelNoise::of(found, labels) }
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
    use crate::discovery::{HnswSettings, Matrix, NeighborSearch, hnsw};

    /// All rows as one part.
    fn search(features: &Matrix, k: usize, by: NeighborSearch) -> Part {
        Part::search(features, (0, 1), k, by, &HnswSettings::default()).unwrap()
    }

    #[test]
    fn a_wrong_label_among_its_like_shows() {
        // Two far groups of 30; the last of the second carries the first one's label.
        let features = Matrix::from_fn(60, 2, |row, col| {
            (row / 30) as f32 * 100.0 + ((row * 7 + col * 3) % 11) as f32
        });
        let mut labels: Vec<u32> = (0..60).map(|row| row / 30).collect();
        labels[59] = 0;
        for search in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let part = super::tests::search(&features, NEIGHBORS, search);
            assert_eq!(part.index.is_some(), search == NeighborSearch::Hnsw);
            let found = purity(&joined(vec![part]), &labels);
            assert_eq!(found.shares[59], 0.0, "{search}");
            assert_eq!(found.others[59], 1.0, "{search}");
            assert!(found.shares[..30].iter().all(|share| *share == 1.0), "{search}");
            assert!(found.shares[30..59].iter().all(|share| *share >= 14.0 / 15.0), "{search}");
        }
    }

    #[test]
    fn the_index_finds_the_same_after_its_way_to_disk_and_back() {
        let mut rng = crate::linalg::rng::Rng::new(2, &[]);
        let features = Matrix::from_fn(500, 6, |_, _| rng.normal() as f32);
        let index = search(&features, 9, NeighborSearch::Hnsw).index.unwrap();
        let folder = tempfile::tempdir().unwrap();
        index.dump(folder.path(), "index").unwrap();
        let ef = HnswSettings::default().ef_search;
        let again =
            hnsw::with_loaded(folder.path(), "index", ef, |index| index.search(&features, 10));
        assert_eq!(again.unwrap(), index.search(&features, 10));
    }

    #[test]
    fn a_lonely_row_is_pure() {
        let lonely = Matrix::from_fn(1, 3, |_, _| 1.0);
        let part = search(&lonely, NEIGHBORS, NeighborSearch::Auto);
        let found = purity(&joined(vec![part]), &[4]);
        assert_eq!((found.shares, found.others), (vec![1.0], vec![0.0]));
        assert_eq!((found.noise.wrong, found.noise.rate), (vec![false], None));
    }

    #[test]
    fn small_classes_look_at_fewer_neighbours() {
        assert_eq!([0, 9, 20, 225, 5000].map(neighbors_of), [3, 3, 4, 15, 15]);
    }
}
