//! The neighbours of many rows, part by part.
//!
//! `hnsw_rs` builds the same graph every time on one thread only, and a row takes longer the more there are. So of many rows
//! each part has a graph of its own: parts are built side by side, and one after another in bounded memory. Every part
//! holds its share of every class.

use crate::discovery::hnsw::{self, HnswSettings, Index};
use crate::discovery::{DiscoveryError, Matrix, NeighborSearch};
use crate::linalg::knn::{self, Neighbors};

/// Rows of a part at most.
const MOST: usize = 1 << 16;

/// The number of parts that so many rows are searched in.
pub fn parts_of(rows: usize) -> usize {
    rows.div_ceil(MOST).max(1)
}

/// What was found in one part: every so-manieth row from the part's number on.
#[derive(Debug)]
pub struct Part {
    /// The neighbours of its rows, by their numbers in the whole.
    neighbors: Neighbors,
    /// The index that found them, if one was built.
    pub index: Option<Index<'static>>,
    /// What was done, for people.
    pub log: Vec<String>,
}

impl Part {
    /// Finds each row's `k` nearest others in part `number` of `parts`.
    ///
    /// # Errors
    /// Rows that can't be compared, or index settings out of range.
    pub fn search(
        features: &Matrix,
        (number, parts): (usize, usize),
        k: usize,
        by: NeighborSearch,
        settings: &HnswSettings,
    ) -> Result<Self, DiscoveryError> {
        let rows: Vec<usize> = (number..features.rows()).step_by(parts.max(1)).collect();
        let own = features.select(&rows);
        let k = k.saturating_add(1).min(own.rows());
        let (mut neighbors, index, log) = if by.uses_index(own.rows(), own.cols()) {
            let found = hnsw::search(&own, k, settings)?;
            (found.neighbors, Some(found.index), found.log)
        } else {
            (knn::exact(&own, k)?, None, Vec::new())
        };
        neighbors.indices.iter_mut().for_each(|row| *row = rows[*row as usize] as u32);
        Ok(Self { neighbors, index, log })
    }
}

/// The neighbours of all rows, of `parts` in their order.
pub fn joined(parts: Vec<Part>) -> Neighbors {
    let k = parts.iter().map(|part| part.neighbors.k).min().unwrap_or(1);
    let rows: usize = parts.iter().map(|part| part.neighbors.rows()).sum();
    let count = parts.len().max(1);
    let of = |row: usize| {
        let (part, at) = (&parts[row % count].neighbors, row / count);
        let distances = part.distances_of(at).iter().copied();
        distances.zip(part.of(at).iter().copied()).take(k).collect()
    };
    Neighbors::from_rows(k, (0..rows).map(of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    fn cloud(rows: usize) -> Matrix {
        let mut rng = Rng::new(5, &[]);
        Matrix::from_fn(rows, 4, |_, _| rng.normal() as f32)
    }

    fn search(features: &Matrix, parts: usize, by: NeighborSearch) -> Neighbors {
        let settings = HnswSettings::default();
        let part = |number| Part::search(features, (number, parts), 6, by, &settings).unwrap();
        joined((0..parts).map(part).collect())
    }

    #[test]
    fn one_part_is_the_whole_search() {
        let features = cloud(300);
        let whole = search(&features, 1, NeighborSearch::Exact);
        assert_eq!(whole, knn::exact(&features, 7).unwrap());
    }

    #[test]
    fn rows_find_the_nearest_of_their_part() {
        let features = cloud(301);
        for by in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let found = search(&features, 3, by);
            assert_eq!((found.rows(), found.k), (301, 7));
            for row in [0usize, 1, 2, 150, 299, 300] {
                let others = (row % 3..301).step_by(3).map(|other| other as u32);
                let truth = knn::nearest(&features, row, others, 7);
                let expected: Vec<u32> = truth.iter().map(|near| near.1).collect();
                assert_eq!(found.of(row), expected, "{by}, row {row}");
                assert_eq!(found.of(row)[0], row as u32);
            }
        }
    }

    #[test]
    fn parts_hold_a_bounded_number_of_rows() {
        assert_eq!([0, 1, 65_536, 65_537, 1_281_167].map(parts_of), [1, 1, 1, 2, 20]);
    }
}
