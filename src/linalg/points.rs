//! Rows of f64: one image's features each.

use crate::linalg::Matrix;
use crate::linalg::gemm::{add_columns_by_columns, rows_by_rows};
use rayon::prelude::*;

/// Rows that a thread multiplies at once: fixed, so that no sum depends on the threads.
const BLOCK: usize = 128;
/// Pieces of the rows whose products are summed apart: fixed for the same reason.
const PIECES: usize = 16;

/// `rows × cols` values, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    cols: usize,
    values: Vec<f64>,
}

impl Points {
    /// Wraps whole rows of `cols` values; values beyond the last whole row are dropped.
    pub fn new(cols: usize, mut values: Vec<f64>) -> Self {
        values.truncate(values.len() / cols.max(1) * cols);
        Self { cols, values }
    }

    /// As [`Points::new`], from f32.
    pub fn from_f32(cols: usize, values: &[f32]) -> Self {
        Self::new(cols, values.iter().map(|&value| f64::from(value)).collect())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.cols.max(1)
    }

    /// Values of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The rows, in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.cols.max(1))
    }

    /// One row; panics, as slices do, if there is none.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.cols..(row + 1) * self.cols]
    }

    /// Appends the rows of `other`, which has as many columns.
    pub fn extend(&mut self, other: &Points) {
        self.cols = other.cols;
        self.values.extend(&other.values);
    }

    /// The named rows, copied in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&row| self.row(row)).copied().collect();
        Self { cols: self.cols, values }
    }

    /// Each column's mean.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.cols];
        for row in self.iter() {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let count = self.rows().max(1) as f64;
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    }

    /// The same rows less `means`.
    pub fn less(&self, means: &[f64]) -> Self {
        let mut moved = self.clone();
        for row in moved.values.chunks_exact_mut(self.cols.max(1)) {
            row.iter_mut().zip(means).for_each(|(value, mean)| *value -= mean);
        }
        moved
    }

    /// The rows less `means`, in half the width: to find out which are near each other.
    pub fn narrow(&self, means: &[f64]) -> Matrix {
        let value =
            |row: usize, col: usize| (self.values[row * self.cols + col] - means[col]) as f32;
        Matrix::from_fn(self.rows(), self.cols, value)
    }

    /// The dot product of each column with each: columns × columns.
    pub fn gram(&self) -> Vec<f64> {
        let each = self.rows().div_ceil(PIECES).max(1) * self.cols.max(1);
        let pieces = self.values.par_chunks(each).map(|rows| {
            let mut products = vec![0.0; self.cols * self.cols];
            add_columns_by_columns((rows, self.cols), (rows, self.cols), &mut products);
            products
        });
        let mut sum = vec![0.0; self.cols * self.cols];
        for piece in pieces.collect::<Vec<_>>() {
            sum.iter_mut().zip(piece).for_each(|(sum, product)| *sum += product);
        }
        sum
    }

    /// The dot product of each own row with each of `other`'s: own rows × other rows. Both have the same columns.
    pub fn by_rows(&self, other: &Points) -> Points {
        let blocks = self.values.par_chunks(BLOCK * self.cols.max(1)).map(|block| {
            let mut out = Vec::new();
            rows_by_rows(block, &other.values, self.cols, &mut out);
            out
        });
        Points { cols: other.rows(), values: blocks.collect::<Vec<_>>().concat() }
    }
}

/// Squared Euclidean distance: the same whichever of the two comes first, to the last bit.
pub fn squared_distance(left: &[f64], right: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let ((a, rest_a), (b, rest_b)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            let difference = a[lane] - b[lane];
            lanes[lane] += difference * difference;
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b) * (a - b)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_matrices() {
        let points = Points::new(3, (0..1500).map(|i| f64::from(i % 17) - 8.0).collect());
        let product = points.by_rows(&points);
        assert_eq!((product.rows(), product.cols()), (500, 500));
        let dot = |a: usize, b: usize| -> f64 {
            points.row(a).iter().zip(points.row(b)).map(|(x, y)| x * y).sum()
        };
        assert!(
            [(0, 0), (499, 3), (130, 131)].iter().all(|&(a, b)| product.row(a)[b] == dot(a, b))
        );
        let columns =
            |a: usize, b: usize| -> f64 { points.iter().map(|row| row[a] * row[b]).sum() };
        let gram: Vec<f64> = (0..9).map(|at| columns(at / 3, at % 3)).collect();
        assert_eq!(points.gram(), gram);
        assert!(points.less(&points.means()).means().iter().all(|mean| mean.abs() < 1e-12));
    }

    #[test]
    fn distances_count_every_value_once() {
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..19).map(|i| (f64::from(i), f64::from(2 * i))).unzip();
        assert_eq!(squared_distance(&a, &b), (0..19).map(|i| f64::from(i * i)).sum::<f64>());
    }
}
