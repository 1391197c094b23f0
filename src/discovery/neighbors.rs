//! Nearest neighbours by exhaustive comparison: a blocked matrix product finds the candidates, a
//! direct difference measures them.
//!
//! The product form |x|² + |y|² − 2x·y is as fast as the machine multiplies but loses digits when
//! two rows are close, so it only narrows the field. Memory is one block of rows × n.

use rayon::prelude::*;

use super::distance::{squared, squared_norm};
use super::product::rows_by_rows;
use super::{DiscoveryError, Matrix};

/// Products held at once by one thread: 16 MiB of f32.
const BLOCK_VALUES: usize = 1 << 22;
/// Rows in one block at most: enough to keep the product busy.
const BLOCK_ROWS: usize = 128;

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
    pub(super) fn from_rows(k: usize, rows: impl IntoIterator<Item = Vec<(f32, u32)>>) -> Self {
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
/// [`DiscoveryError::Value`] or [`DiscoveryError::NoColumns`] for a matrix that can't be compared.
pub fn exact(data: &Matrix, k: usize) -> Result<Neighbors, DiscoveryError> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    exact_for(data, &rows, k)
}

/// As [`exact`], but only for the rows named in `queries`, in that order.
///
/// # Errors
/// As [`exact`].
pub fn exact_for(data: &Matrix, queries: &[usize], k: usize) -> Result<Neighbors, DiscoveryError> {
    data.check()?;
    let k = k.clamp(1, data.rows().max(1));
    // Centring changes no distance and shortens the rows, so the product form loses less.
    let centred = data.centred();
    let norms: Vec<f32> =
        (0..data.rows()).map(|row| squared_norm(centred.row(row)) as f32).collect();
    let block = (BLOCK_VALUES / data.rows().max(1)).clamp(1, BLOCK_ROWS);
    let blocks: Vec<Vec<Vec<(f32, u32)>>> = queries
        .par_chunks(block)
        .map(|rows| {
            let mut products = Vec::new();
            let block = centred.select(rows);
            rows_by_rows(block.as_slice(), centred.as_slice(), data.cols(), &mut products);
            rows.iter()
                .zip(products.chunks_exact(data.rows()))
                .map(|(&row, products)| {
                    let candidates = candidates(row, products, &norms, data.cols(), k);
                    nearest(data, row, candidates, k)
                })
                .collect()
        })
        .collect();
    Ok(Neighbors::from_rows(k, blocks.into_iter().flatten()))
}

/// Every row that could be among the `k` nearest of `row`, given what the product form can lose.
fn candidates(row: usize, products: &[f32], norms: &[f32], cols: usize, k: usize) -> Vec<u32> {
    let own = norms[row];
    let approximate: Vec<f32> = products
        .iter()
        .zip(norms)
        .map(|(product, norm)| (own + norm - 2.0 * product).max(0.0))
        .collect();
    let mut order = approximate.clone();
    let (_, &mut reach, _) = order.select_nth_unstable_by(k - 1, f32::total_cmp);
    // Rounding errors of a sum of `cols` products add up like a random walk.
    let loss = 8.0 * (cols as f32).sqrt() * f32::EPSILON;
    let reach = reach + 2.0 * loss * (own + norms.iter().copied().fold(0.0, f32::max));
    (0u32..).zip(&approximate).filter(|&(_, &value)| value <= reach).map(|(at, _)| at).collect()
}

/// Measures `candidates` directly and keeps the `k` nearest, `row` itself first.
pub(super) fn nearest(
    data: &Matrix,
    row: usize,
    candidates: impl IntoIterator<Item = u32>,
    k: usize,
) -> Vec<(f32, u32)> {
    let own = data.row(row);
    let mut measured: Vec<(f32, u32)> = candidates
        .into_iter()
        .filter(|&other| other as usize != row)
        .map(|other| (squared(own, data.row(other as usize)).sqrt() as f32, other))
        .collect();
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // A new vector: a cut one would keep room for every candidate.
    std::iter::once((0.0, row as u32)).chain(measured).take(k).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

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
