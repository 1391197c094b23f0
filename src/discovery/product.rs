//! The matrix product of rows with rows, the inner loop of exact search and of k-means.

use gemm::{Parallelism, gemm};

/// `left · rightᵀ`: the dot product of each row of `left` with each row of `right`, row-major.
///
/// Both hold whole rows of `cols` values; `out` is resized to left rows × right rows. One thread:
/// callers split their rows into fixed blocks, so that the result doesn't depend on the pool.
pub fn rows_by_rows(left: &[f32], right: &[f32], cols: usize, out: &mut Vec<f32>) {
    let (left_rows, right_rows) = match cols {
        0 => (0, 0),
        _ => (left.len() / cols, right.len() / cols),
    };
    out.clear();
    out.resize(left_rows * right_rows, 0.0);
    if out.is_empty() {
        return;
    }
    let stride = cols as isize;
    // SAFETY: every pointer comes from a live slice or vector, and `out` is borrowed mutably, so it
    // overlaps neither input. The product reads left[i·cols + c] for i < left_rows, c < cols, and
    // right[j·cols + c] for j < right_rows; left_rows·cols ≤ left.len() and right_rows·cols ≤
    // right.len() by the divisions above. It writes out[i·right_rows + j], below out.len(). Rust
    // allocations are at most isize::MAX bytes, so no stride overflows.
    #[allow(unsafe_code)]
    unsafe {
        gemm(
            left_rows,
            right_rows,
            cols,
            out.as_mut_ptr(),
            1,
            right_rows as isize,
            false,
            left.as_ptr(),
            1,
            stride,
            right.as_ptr(),
            stride,
            1,
            0.0,
            1.0,
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
    fn every_entry_is_the_rows_dot_product() {
        for (m, n, cols) in [(1, 1, 1), (3, 5, 7), (33, 65, 130), (2, 0, 4), (0, 2, 4), (2, 2, 0)] {
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
        }
    }
}
