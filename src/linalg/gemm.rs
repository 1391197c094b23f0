//! The matrix product of rows with rows, the inner loop of exact search and of k-means.

use gemm::{Parallelism, gemm};

/// Columns multiplied at once. Their sums are added up apart, so rounding grows with the square root
/// of this and of their number, not of the columns.
const DEPTH: usize = 1024;

/// How far a product of two rows can be off, as a share of the product of their lengths: rounding
/// errors add up like a random walk, within a block of columns and over the blocks; with room.
pub fn loss(cols: usize) -> f32 {
    let steps = (cols.min(DEPTH) as f32).sqrt() + (cols.div_ceil(DEPTH) as f32).sqrt();
    8.0 * steps * f32::EPSILON
}

/// Numbers that can be multiplied.
pub trait Number: Copy + PartialOrd + Send + Sync + 'static {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The number nearest to `value`.
    fn nearest(value: f64) -> Self;
    /// Itself, in f64.
    fn wide(self) -> f64;
}

impl Number for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    fn nearest(value: f64) -> Self {
        value as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    fn nearest(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
}

/// `left · rightᵀ`: the dot product of each row of `left` with each row of `right`, row-major.
///
/// Both hold whole rows of `cols` values; `out` is resized to left rows × right rows. One thread:
/// callers split their rows into fixed blocks, so that the result doesn't depend on the pool.
pub fn rows_by_rows<T: Number>(left: &[T], right: &[T], cols: usize, out: &mut Vec<T>) {
    let (left_rows, right_rows) = match cols {
        0 => (0, 0),
        _ => (left.len() / cols, right.len() / cols),
    };
    out.clear();
    out.resize(left_rows * right_rows, T::ZERO);
    if out.is_empty() {
        return;
    }
    let stride = cols as isize;
    for from in (0..cols).step_by(DEPTH) {
        let depth = DEPTH.min(cols - from);
        let (left, right) = (&left[from..], &right[from..]);
        // SAFETY: every pointer comes from a live slice or vector, and `out` is borrowed mutably, so
        // it overlaps neither input. The product reads left[i·cols + c] for i < left_rows, c < depth,
        // and right[j·cols + c] for j < right_rows; from + depth ≤ cols, and left_rows·cols and
        // right_rows·cols are at most the whole slices' lengths by the divisions above. It reads and
        // writes out[i·right_rows + j], below out.len(). Rust allocations are at most isize::MAX
        // bytes, so no stride overflows.
        #[allow(unsafe_code)]
        unsafe {
            gemm(
                left_rows,
                right_rows,
                depth,
                out.as_mut_ptr(),
                1,
                right_rows as isize,
                from > 0,
                left.as_ptr(),
                1,
                stride,
                right.as_ptr(),
                stride,
                1,
                T::ONE,
                T::ONE,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}

/// Adds `leftᵀ · right` to `out`: the dot product of each column of `left` with each column of `right`, row-major.
///
/// Both hold as many whole rows of their columns (a rest is left out); `out` has left columns × right columns. One thread,
/// as [`rows_by_rows`].
pub fn add_columns_by_columns<T: Number>(
    (left, left_cols): (&[T], usize),
    (right, right_cols): (&[T], usize),
    out: &mut [T],
) {
    let rows = match (left_cols, right_cols) {
        (0, _) | (_, 0) => 0,
        _ => (left.len() / left_cols).min(right.len() / right_cols),
    };
    if rows == 0 || out.len() < left_cols * right_cols {
        return;
    }
    // SAFETY: every pointer comes from a live slice, and `out` is borrowed mutably, so it overlaps neither input. The
    // product reads left[r·left_cols + i] for r < rows, i < left_cols and right[r·right_cols + j] for j < right_cols, which
    // lie within the slices by the divisions above, and reads and writes out[i·right_cols + j], below left_cols·right_cols
    // and so below out.len(). Rust allocations are at most isize::MAX bytes, so no stride overflows.
    #[allow(unsafe_code)]
    unsafe {
        gemm(
            left_cols,
            right_cols,
            rows,
            out.as_mut_ptr(),
            1,
            right_cols as isize,
            true,
            left.as_ptr(),
            left_cols as isize,
            1,
            right.as_ptr(),
            1,
            right_cols as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_columns_are_added_to_what_is_there() {
        for (rows, m, n) in [(1, 1, 1), (7, 3, 5), (130, 33, 65), (0, 2, 2), (4, 0, 3)] {
            let left: Vec<f64> = (0..rows * m).map(|i| ((i * 7) % 11) as f64 - 5.0).collect();
            let right: Vec<f64> = (0..rows * n).map(|i| ((i * 5) % 13) as f64 - 6.0).collect();
            let mut out = vec![2.0; m * n];
            add_columns_by_columns((&left, m), (&right, n), &mut out);
            for (at, value) in out.into_iter().enumerate() {
                let dot: f64 =
                    (0..rows).map(|row| left[row * m + at / n] * right[row * n + at % n]).sum();
                assert_eq!(value, 2.0 + dot, "{rows} {m} {n} at {at}");
            }
        }
    }

    #[test]
    fn every_entry_is_the_rows_dot_product_in_both_widths() {
        for (m, n, cols) in
            [(1, 1, 1), (3, 5, 7), (33, 65, 130), (3, 4, 2500), (2, 0, 4), (0, 2, 4), (2, 2, 0)]
        {
            let left: Vec<f32> = (0..m * cols).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
            let right: Vec<f32> = (0..n * cols).map(|i| ((i * 5) % 13) as f32 - 6.0).collect();
            let mut out = vec![9.0; 3];
            rows_by_rows(&left, &right, cols, &mut out);
            assert_eq!(out.len(), if cols == 0 { 0 } else { m * n });
            for (at, &value) in out.iter().enumerate() {
                let (a, b) = (&left[at / n * cols..], &right[at % n * cols..]);
                let dot: f32 = (0..cols).map(|c| a[c] * b[c]).sum();
                assert_eq!(value, dot, "{m} {n} {cols} at {at}");
            }
            let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
            let mut doubled = Vec::new();
            rows_by_rows(&wide(&left), &wide(&right), cols, &mut doubled);
            assert_eq!(doubled, wide(&out));
        }
    }
}
