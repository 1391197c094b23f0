//! Nearest neighbours, exactly, by a blocked matrix product.

use super::matrix::{Matrix, squared_distance};
use rayon::prelude::*;

/// The `k` nearest rows of every row, nearest first; the row itself comes first. Ties keep the rows' order.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// Neighbours per row.
    pub k: usize,
    /// Rows × k row numbers.
    pub indices: Vec<u32>,
    /// Rows × k Euclidean distances.
    pub distances: Vec<f32>,
}

impl Neighbors {
    /// Neighbours of row `i` with their distances.
    pub fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = i * self.k..(i + 1) * self.k;
        let indices = self.indices[range.clone()].iter().map(|&j| j as usize);
        indices.zip(self.distances[range].iter().copied())
    }

    /// Puts lists of (row, squared distance) together: sorts, puts each row first in its own list, cuts to `k`.
    pub(super) fn assemble(k: usize, lists: Vec<Vec<(u32, f64)>>) -> Self {
        let mut all = Self { k, indices: Vec::new(), distances: Vec::new() };
        all.indices.reserve_exact(k * lists.len());
        all.distances.reserve_exact(k * lists.len());
        for (i, mut list) in lists.into_iter().enumerate() {
            list.retain(|(j, _)| *j as usize != i);
            list.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            all.indices.push(i as u32);
            all.distances.push(0.0);
            for (j, squared) in list.into_iter().take(k - 1) {
                all.indices.push(j);
                all.distances.push(squared.sqrt() as f32);
            }
        }
        all
    }
}

/// Rows of one block of the product: bounds memory at block × rows values per thread.
const BLOCK: usize = 64;
/// Candidates kept beyond `k`: the product loses digits, so the last places are decided by exact distances.
const SPARE: usize = 8;

/// The exact `k` nearest neighbours (clamped to the number of rows).
pub fn exact(points: &Matrix, k: usize) -> Neighbors {
    let (n, d) = (points.rows(), points.cols());
    let k = k.clamp(1, n.max(1));
    let norms: Vec<f32> = (0..n).map(|i| points.row(i).iter().map(|v| v * v).sum()).collect();
    let starts: Vec<usize> = (0..n).step_by(BLOCK).collect();
    let lists = starts.into_par_iter().flat_map_iter(|start| {
        let rows = BLOCK.min(n - start);
        let mut products = vec![0.0_f32; rows * n];
        multiply(&points.data()[start * d..(start + rows) * d], points.data(), d, &mut products);
        let norms = &norms;
        (start..start + rows)
            .map(move |i| {
                let product = &products[(i - start) * n..(i - start + 1) * n];
                nearest(points, i, k, product, norms)
            })
            .collect::<Vec<_>>()
    });
    Neighbors::assemble(k, lists.collect())
}

/// `out` (m × n) = `a` (m × d) · `b` (n × d)ᵀ, all row-major.
fn multiply(a: &[f32], b: &[f32], d: usize, out: &mut [f32]) {
    let (m, n) = (a.len() / d, b.len() / d);
    assert_eq!(out.len(), m * n, "the product has another shape");
    let (d_stride, n_stride) = (d as isize, n as isize);
    // SAFETY: `a` holds m·d, `b` n·d and `out` m·n values (asserted or by division), and the strides are those of
    // row-major matrices, `b` read as its transpose; `out` does not overlap the shared slices, being borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            d,
            out.as_mut_ptr(),
            1,
            n_stride,
            false,
            a.as_ptr(),
            1,
            d_stride,
            b.as_ptr(),
            d_stride,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn nearest(points: &Matrix, i: usize, k: usize, product: &[f32], norms: &[f32]) -> Vec<(u32, f64)> {
    let keep = (k + SPARE).min(product.len());
    let mut order: Vec<(f32, u32)> = product
        .iter()
        .zip(norms)
        .enumerate()
        .map(|(j, (p, norm))| (norm - 2.0 * p, j as u32))
        .collect();
    if keep < order.len() {
        order.select_nth_unstable_by(keep - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    let row = points.row(i);
    order[..keep].iter().map(|&(_, j)| (j, squared_distance(row, points.row(j as usize)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::rng::Rng;

    #[test]
    fn equals_the_naive_search() {
        let mut rng = Rng::new(1);
        let points = Matrix::new(150, 7, (0..1050).map(|_| rng.normal() as f32).collect()).unwrap();
        let found = exact(&points, 12);
        for i in 0..150 {
            let mut all: Vec<(f64, usize)> =
                (0..150).map(|j| (squared_distance(points.row(i), points.row(j)), j)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let expected: Vec<usize> = all[..12].iter().map(|a| a.1).collect();
            assert_eq!(found.of(i).map(|(j, _)| j).collect::<Vec<_>>(), expected, "row {i}");
        }
    }

    #[test]
    fn equal_points_and_too_many_neighbours() {
        let found = exact(&Matrix::zeros(3, 2), 10);
        assert_eq!(found.k, 3);
        assert_eq!(found.indices, [0, 1, 2, 1, 0, 2, 2, 0, 1]);
    }
}
