//! The Cholesky factor of a positive semidefinite matrix.

use super::points::Points;

/// Rows R with RᵀR the positive semidefinite `matrix`: as many as its rank (pivoted Cholesky; Higham 2002, 10.3).
pub fn cholesky(mut matrix: Vec<f64>, size: usize) -> Points {
    let largest = |matrix: &[f64]| {
        let bigger = |best: usize, at: usize| {
            if matrix[at * size + at] > matrix[best * size + best] { at } else { best }
        };
        let at = (1..size).fold(0, bigger);
        (at, matrix[at * size + at])
    };
    let least = size as f64 * f64::EPSILON * largest(&matrix).1;
    let mut rows = Vec::new();
    for _ in 0..size {
        let (pivot, value) = largest(&matrix);
        if value <= least {
            break;
        }
        let root = value.sqrt();
        let row: Vec<f64> =
            matrix[pivot * size..(pivot + 1) * size].iter().map(|entry| entry / root).collect();
        for (own, entries) in row.iter().zip(matrix.chunks_exact_mut(size)) {
            entries.iter_mut().zip(&row).for_each(|(entry, other)| *entry -= own * other);
        }
        // Its row and column are done: exactly nothing is left of them.
        (0..size)
            .for_each(|at| (matrix[pivot * size + at], matrix[at * size + pivot]) = (0.0, 0.0));
        rows.extend(row);
    }
    Points::new(size, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_has_as_many_rows_as_the_rank_and_its_product_is_the_matrix() {
        // Three columns, the third the sum of the others: rank 2.
        let points = Points::new(3, vec![1.0, 2.0, 3.0, 4.0, 0.5, 4.5, -2.0, 7.0, 5.0]);
        let gram = points.gram();
        let factor = cholesky(gram.clone(), 3);
        assert_eq!(factor.rows(), 2);
        let product = factor.gram();
        assert!(product.iter().zip(&gram).all(|(p, g)| (p - g).abs() < 1e-12), "{product:?}");
        assert_eq!(cholesky(vec![0.0; 4], 2).rows(), 0);
    }
}
