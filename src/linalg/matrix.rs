//! A dense row-major matrix of f32: one row per image.

use rayon::prelude::*;

use super::error::MatrixError;

/// Columns a thread sums at once.
const COLUMNS: usize = 1024;

/// Largest magnitude accepted: its square, summed over 65,536 columns, stays inside f32.
const LARGEST: f32 = 1e15;

/// A share of a value by which two of the same may differ.
const ROUNDING: f32 = 1e-6;

/// `rows × cols` values, row-major and owned.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f32>,
}

impl Matrix {
    /// Whether all rows are the same but for rounding, so that nothing tells one from another.
    pub fn alike(&self) -> bool {
        let Some(first) = (self.rows() > 1).then(|| self.row(0)) else { return false };
        (1..self.rows()).all(|row| {
            let pairs = self.row(row).iter().zip(first);
            pairs.into_iter().all(|(a, b)| (a - b).abs() <= ROUNDING * b.abs())
        })
    }

    /// Wraps `data`, which must hold exactly `rows · cols` values in row-major order.
    ///
    /// # Errors
    /// [`MatrixError::Shape`] if the length is another.
    pub fn new(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self, MatrixError> {
        if rows.checked_mul(cols) != Some(data.len()) {
            return Err(MatrixError::Shape { rows, cols, len: data.len() });
        }
        Ok(Self { rows, cols, data })
    }

    /// A matrix whose value at (row, column) is `value(row, column)`.
    pub fn from_fn(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> f32) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for row in 0..rows {
            data.extend((0..cols).map(|col| value(row, col)));
        }
        Self { rows, cols, data }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// One row's values. Panics, as slices do, if `row` is out of range.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// One row's values, to change.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// All values, row-major.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All values, row-major, given away.
    pub fn into_values(self) -> Vec<f32> {
        self.data
    }

    /// All values, row-major, to change.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Rows `from..to` as one slice.
    pub fn row_range(&self, from: usize, to: usize) -> &[f32] {
        &self.data[from * self.cols..to * self.cols]
    }

    /// The named rows, copied in that order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut data = Vec::with_capacity(rows.len() * self.cols);
        for &row in rows {
            data.extend_from_slice(self.row(row));
        }
        Self { rows: rows.len(), cols: self.cols, data }
    }

    /// Each column's mean, summed in f64 in row order.
    pub fn column_means(&self) -> Vec<f64> {
        let count = self.rows.max(1) as f64;
        let mut means = vec![0.0f64; self.cols];
        means.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, sums)| {
            for row in 0..self.rows {
                let values = &self.row(row)[block * COLUMNS..];
                sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += f64::from(value));
            }
            sums.iter_mut().for_each(|sum| *sum /= count);
        });
        means
    }

    /// The same rows with every column's mean taken off.
    ///
    /// Distances stay what they were, and the product form of them loses fewer digits.
    pub fn centred(&self) -> Self {
        let means = self.column_means();
        let mut centred = self.clone();
        centred.data.par_chunks_mut(self.cols.max(1)).for_each(|row| {
            for (value, mean) in row.iter_mut().zip(&means) {
                *value = (f64::from(*value) - mean) as f32;
            }
        });
        centred
    }

    /// Checks that there is a column and that every value is finite and of a sane magnitude.
    ///
    /// # Errors
    /// [`MatrixError::NoColumns`], or [`MatrixError::Value`] naming the first bad row.
    pub fn check(&self) -> Result<(), MatrixError> {
        if self.cols == 0 {
            return Err(MatrixError::NoColumns);
        }
        // No range contains a NaN. A row is looked at as a whole, which needs no branch per value.
        let sane = |value: &f32| (-LARGEST..=LARGEST).contains(value);
        let bad = |row: &[f32]| !row.iter().fold(true, |all, value| all & sane(value));
        let Some(row) = self.data.par_chunks(self.cols).position_first(bad) else {
            return Ok(());
        };
        let col = self.row(row).iter().position(|value| !sane(value)).unwrap_or(0);
        Err(MatrixError::Value { row, col, value: self.row(row)[col] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_another_length_is_refused() {
        let refused = Matrix::new(2, 3, vec![0.0; 5]);
        assert!(matches!(refused, Err(MatrixError::Shape { rows: 2, cols: 3, len: 5 })));
        assert!(Matrix::new(usize::MAX, 2, vec![]).is_err());
    }

    #[test]
    fn a_bad_value_is_named_by_row_and_column() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e20] {
            let mut matrix = Matrix::from_fn(4, 3, |row, col| (row + col) as f32);
            matrix.row_mut(2)[1] = bad;
            let message = matrix.check().unwrap_err().to_string();
            assert!(message.starts_with("row 2, column 1 holds"), "{message}");
        }
        assert!(matches!(Matrix::from_fn(3, 0, |_, _| 0.0).check(), Err(MatrixError::NoColumns)));
    }

    #[test]
    fn centred_columns_have_mean_zero() {
        let matrix = Matrix::from_fn(5, 2, |row, col| 1000.0 + (row * (col + 1)) as f32);
        assert!(matrix.centred().column_means().iter().all(|mean| mean.abs() < 1e-6));
    }
}
