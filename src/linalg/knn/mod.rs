//! Nearest neighbours by exhaustive comparison. A blocked matrix product finds the candidates
//! ([`candidates`]); a direct difference measures them ([`measure`]).

mod brute_force;
pub mod candidates;
mod measure;

pub use brute_force::BruteForce;

use crate::linalg::distance::squared;
use crate::linalg::{Matrix, MatrixError};

/// For every row its `k` nearest rows, itself first, then by distance, ties by row order.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbors {
    /// Neighbours per row, the row itself included.
    pub k: usize,
    /// Row numbers, rows × k.
    pub indices: Vec<u32>,
    /// Euclidean distances, rows × k.
    pub distances: Vec<f32>,
}

impl Neighbors {
    /// Number of rows described.
    pub fn rows(&self) -> usize {
        self.indices.len() / self.k.max(1)
    }

    /// The neighbours of one row, nearest first.
    pub fn of(&self, row: usize) -> &[u32] {
        &self.indices[row * self.k..(row + 1) * self.k]
    }

    /// The distances that belong to [`Neighbors::of`].
    pub fn distances_of(&self, row: usize) -> &[f32] {
        &self.distances[row * self.k..(row + 1) * self.k]
    }

    /// Lays rows of exactly `k` (distance, row) pairs one after another.
    pub fn from_rows(k: usize, rows: impl IntoIterator<Item = Vec<(f32, u32)>>) -> Self {
        let mut all = Self { k, indices: Vec::new(), distances: Vec::new() };
        for row in rows {
            all.indices.extend(row.iter().map(|&(_, index)| index));
            all.distances.extend(row.iter().map(|&(distance, _)| distance));
        }
        all
    }
}

/// The exact `k` nearest rows of every row (`k` is clamped to the number of rows).
///
/// # Errors
/// [`MatrixError::Value`] or [`MatrixError::NoColumns`] for a matrix that can't be compared.
pub fn exact(data: &Matrix, k: usize) -> Result<Neighbors, MatrixError> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    exact_for(data, &rows, k)
}

/// As [`exact`], but only for the rows named in `queries`, in that order.
///
/// # Errors
/// As [`exact`].
pub fn exact_for(data: &Matrix, queries: &[usize], k: usize) -> Result<Neighbors, MatrixError> {
    data.check()?;
    let k = k.clamp(1, data.rows().max(1));
    let mut rows = Vec::with_capacity(queries.len());
    candidates::visit(data, queries, k, |queries, candidates| {
        rows.extend(measure::nearest_of_all(data, queries, candidates, k));
    });
    Ok(Neighbors::from_rows(k, rows))
}

/// Measures `candidates` directly and keeps the `k` nearest, `row` itself first.
pub fn nearest(
    data: &Matrix,
    row: usize,
    candidates: impl IntoIterator<Item = u32>,
    k: usize,
) -> Vec<(f32, u32)> {
    let own = data.row(row);
    let measured =
        candidates.into_iter().map(|other| (squared(own, data.row(other as usize)), other));
    sorted(row, measured, k)
}

/// The `k` nearest of measured rows (squared distance, row), `row` itself first, ties by row order.
fn sorted(row: usize, measured: impl Iterator<Item = (f64, u32)>, k: usize) -> Vec<(f32, u32)> {
    let mut measured: Vec<(f32, u32)> = measured
        .filter(|&(_, other)| other as usize != row)
        .map(|(squared, other)| (squared.sqrt() as f32, other))
        .collect();
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // A new vector: a cut one would keep room for every candidate.
    std::iter::once((0.0, row as u32)).chain(measured).take(k).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    fn cloud(rows: usize, cols: usize, offset: f32) -> Matrix {
        let mut rng = Rng::new(3, &[rows as u64, cols as u64]);
        Matrix::from_fn(rows, cols, |_, _| offset + rng.normal() as f32)
    }

    fn by_hand(data: &Matrix, k: usize) -> Neighbors {
        let all = 0..data.rows() as u32;
        let rows = (0..data.rows()).map(|row| nearest(data, row, all.clone(), k));
        Neighbors::from_rows(k, rows)
    }

    #[test]
    fn equals_comparing_everything_with_everything() {
        for (rows, cols, offset) in [(1, 1, 0.0), (2, 3, 0.0), (300, 7, 0.0), (150, 300, 1e4)] {
            let data = cloud(rows, cols, offset);
            let k = 12.min(rows);
            assert_eq!(exact(&data, k).unwrap(), by_hand(&data, k), "{rows} {cols}");
        }
    }

    #[test]
    fn ties_go_by_row_order_after_the_row_itself() {
        let data = Matrix::from_fn(6, 2, |_, _| 0.3);
        let found = exact(&data, 3).unwrap();
        assert_eq!(found.of(0), [0, 1, 2]);
        assert_eq!(found.of(4), [4, 0, 1]);
        assert!(found.distances.iter().all(|&distance| distance == 0.0));
    }

    #[test]
    fn k_is_clamped_and_bad_values_are_named() {
        let data = cloud(4, 2, 0.0);
        assert_eq!(exact(&data, 99).unwrap().k, 4);
        let mut bad = data;
        bad.row_mut(3)[0] = f32::NAN;
        assert!(exact(&bad, 2).unwrap_err().to_string().contains("row 3"));
    }
}
