//! Rows of numbers.

use super::error::DiscoveryError;

/// A dense row-major matrix of `f32`: one row per sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f32>,
}

impl Matrix {
    /// A matrix of `rows` × `cols` from its values, row after row.
    ///
    /// # Errors
    /// If the number of values is another, or one is not finite (the row is named).
    pub fn new(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self, DiscoveryError> {
        if data.len() != rows * cols || cols == 0 {
            return Err(DiscoveryError::Shape { rows, cols, values: data.len() });
        }
        match data.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(DiscoveryError::NotFinite { row: at / cols, value: data[at] }),
            None => Ok(Self { rows, cols, data }),
        }
    }

    /// A matrix of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i`, to write.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// All values, row after row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All values, to write.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The rows `which`, in that order.
    pub fn select(&self, which: &[usize]) -> Self {
        let data = which.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { rows: which.len(), cols: self.cols, data }
    }
}

/// Squared Euclidean distance in `f64`, summed in column order.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
