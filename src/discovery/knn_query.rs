//! The rows nearest to points that are no rows themselves.

use rayon::prelude::*;

use super::hnsw::{Built, HnswSettings, build_to_recall};
use super::{DiscoveryError, Matrix, NeighborSearch};
use crate::linalg::distance::squared;
use crate::linalg::knn::BruteForce;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestRows {
    /// For each point its nearest rows as (Euclidean distance, row), nearest first, ties by row order.
    pub nearest: Vec<Vec<(f32, u32)>>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// The `k` rows of `data` nearest to each row of `points` (fewer where there are fewer). They are compared with every row
/// unless an index is asked for: points are few next to rows, and a graph of millions of rows, which is built on one
/// thread, takes longer than comparing some ten thousand points with all of them does.
///
/// # Errors
/// Rows that can't be compared, points of another width, or index settings out of range.
pub fn knn_query(
    data: &Matrix,
    points: &Matrix,
    k: usize,
    search: NeighborSearch,
    index: &HnswSettings,
) -> Result<NearestRows, DiscoveryError> {
    points.check()?;
    let k = k.min(data.rows());
    if search != NeighborSearch::Hnsw {
        return Ok(NearestRows {
            nearest: BruteForce::new(data)?.nearest(points, k)?,
            log: Vec::new(),
        });
    }
    // The graph is measured on rows, whose first neighbour is themselves.
    let Built { index, good, log, .. } = build_to_recall(data, k + 1, index)?;
    if !good {
        return Ok(NearestRows { nearest: BruteForce::new(data)?.nearest(points, k)?, log });
    }
    let rows = (0..points.rows()).into_par_iter();
    let nearest = rows
        .map(|at| {
            let point = points.row(at);
            let candidates = index.candidates(point, k).into_iter();
            let measured =
                candidates.map(|row| (squared(point, data.row(row as usize)).sqrt() as f32, row));
            let mut measured: Vec<(f32, u32)> = measured.collect();
            measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            measured.truncate(k);
            measured
        })
        .collect();
    Ok(NearestRows { nearest, log })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    fn cloud(rows: usize, seed: u64) -> Matrix {
        let mut rng = Rng::new(seed, &[7]);
        Matrix::from_fn(rows, 5, |_, _| 3.0 + rng.normal() as f32)
    }

    /// Every distance by hand, in f64.
    fn by_hand(data: &Matrix, point: &[f32], k: usize) -> Vec<u32> {
        let distance = |row: &[f32]| -> f64 {
            row.iter().zip(point).map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let mut rows: Vec<u32> = (0..data.rows() as u32).collect();
        rows.sort_by(|&a, &b| {
            let (a, b) = (distance(data.row(a as usize)), distance(data.row(b as usize)));
            a.total_cmp(&b)
        });
        rows.truncate(k);
        rows
    }

    #[test]
    fn both_ways_find_what_comparing_everything_finds() {
        let (data, mut points) = (cloud(400, 1), cloud(30, 2));
        points.row_mut(4).copy_from_slice(data.row(123));
        for search in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let found = knn_query(&data, &points, 3, search, &HnswSettings::default()).unwrap();
            assert_eq!(found.nearest[4][0], (0.0, 123));
            for (at, near) in found.nearest.iter().enumerate() {
                let rows: Vec<u32> = near.iter().map(|(_, row)| *row).collect();
                assert_eq!(rows, by_hand(&data, points.row(at), 3), "{search} {at}");
            }
        }
    }

    #[test]
    fn few_rows_and_other_widths_are_answered() {
        let index = HnswSettings::default();
        let found = knn_query(&cloud(2, 1), &cloud(3, 2), 5, NeighborSearch::Auto, &index).unwrap();
        assert!(found.nearest.iter().all(|near| near.len() == 2));
        let narrow = Matrix::from_fn(1, 2, |_, _| 0.0);
        assert!(knn_query(&cloud(2, 1), &narrow, 1, NeighborSearch::Auto, &index).is_err());
    }
}
