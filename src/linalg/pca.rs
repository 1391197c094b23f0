//! Principal components of the rows, by block power iteration (Halko, Martinsson, Tropp 2011).
//!
//! Deterministic: a seeded start, sums in f64, and none that crosses threads.

use rayon::prelude::*;

use super::Matrix;
use super::eigen::{dot, orthonormalize, symmetric_eigen};
use crate::linalg::rng::Rng;

/// Directions followed beyond those asked for: they take the error of the cut.
const SPARE: usize = 10;
/// Rounds of the power iteration; each squares the ratio of neighbouring eigenvalues.
const ROUNDS: usize = 8;

/// Each row's coordinates along the `components` directions of largest variance, largest first
/// (rows × components; fewer columns where the matrix has fewer rows or columns). A direction points
/// to where its largest loading is positive.
pub fn reduce(features: &Matrix, components: usize, seed: u64) -> Matrix {
    let kept = components.min(features.rows()).min(features.cols());
    let width = (kept + SPARE).min(features.rows()).min(features.cols());
    let centred = features.centred();
    let mut rng = Rng::new(seed, &[0x9CA]);
    let mut basis: Vec<Vec<f64>> =
        (0..width).map(|_| (0..features.cols()).map(|_| rng.normal()).collect()).collect();
    orthonormalize(&mut basis, &mut rng);
    for _ in 0..ROUNDS {
        basis.par_iter_mut().for_each(|direction| *direction = scatter(&centred, direction));
        orthonormalize(&mut basis, &mut rng);
    }
    let directions = principal(&centred, &basis, kept);
    let rows: Vec<Vec<f32>> = (0..centred.rows())
        .into_par_iter()
        .map(|row| directions.iter().map(|d| along(centred.row(row), d) as f32).collect())
        .collect();
    Matrix::from_fn(centred.rows(), kept, |row, col| rows[row][col])
}

/// XᵀX·`direction`.
fn scatter(centred: &Matrix, direction: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; direction.len()];
    for row in 0..centred.rows() {
        let weight = along(centred.row(row), direction);
        for (sum, &value) in sum.iter_mut().zip(centred.row(row)) {
            *sum += weight * f64::from(value);
        }
    }
    sum
}

/// The best `kept` directions within the span of `basis` (Rayleigh-Ritz).
fn principal(centred: &Matrix, basis: &[Vec<f64>], kept: usize) -> Vec<Vec<f64>> {
    let images: Vec<Vec<f64>> =
        basis.par_iter().map(|direction| scatter(centred, direction)).collect();
    let width = basis.len();
    let projected: Vec<f64> = (0..width * width)
        .map(|at| {
            let (row, col) = (at / width, at % width);
            (dot(&basis[row], &images[col]) + dot(&basis[col], &images[row])) / 2.0
        })
        .collect();
    let (_, weights) = symmetric_eigen(projected, width);
    weights.iter().take(kept).map(|weights| combine(basis, weights)).collect()
}

fn combine(basis: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut direction = vec![0.0; basis.first().map_or(0, Vec::len)];
    for (weight, vector) in weights.iter().zip(basis) {
        direction.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
    }
    let largest =
        direction.iter().copied().fold(0.0, |l: f64, v| if v.abs() > l.abs() { v } else { l });
    if largest < 0.0 {
        direction.iter_mut().for_each(|value| *value = -*value);
    }
    direction
}

fn along(row: &[f32], direction: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 4];
    let (mut a, mut b) = (row.chunks_exact(4), direction.chunks_exact(4));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for lane in 0..4 {
            lanes[lane] += f64::from(a[lane]) * b[lane];
        }
    }
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(&a, b)| f64::from(a) * b).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent columns of standard deviation 2⁻ᶜ, turned in the plane of the first two.
    fn stretched(rows: usize, cols: usize) -> Matrix {
        let mut rng = Rng::new(5, &[1]);
        let mut data = Matrix::from_fn(rows, cols, |_, col| {
            7.0 + rng.normal() as f32 * 0.5f32.powi(col as i32)
        });
        for row in 0..rows {
            let [x, y] = [data.row(row)[0], data.row(row)[1]];
            data.row_mut(row)[0] = 0.6 * x - 0.8 * y;
            data.row_mut(row)[1] = 0.8 * x + 0.6 * y;
        }
        data
    }

    #[test]
    fn components_are_uncorrelated_and_hold_the_variance_of_the_leading_directions() {
        let data = stretched(4000, 12);
        let found = reduce(&data, 3, 1);
        assert_eq!((found.rows(), found.cols()), (4000, 3));
        let column = |c: usize| -> Vec<f64> {
            (0..found.rows()).map(|row| f64::from(found.row(row)[c])).collect()
        };
        for c in 0..3 {
            let variance = dot(&column(c), &column(c)) / 4000.0;
            let expected = 0.25f64.powi(c as i32);
            assert!((variance / expected - 1.0).abs() < 0.08, "{c}: {variance}");
            for other in 0..c {
                let correlation = dot(&column(c), &column(other)) / 4000.0;
                assert!(correlation.abs() < 1e-4 * expected, "{c} {other}: {correlation}");
            }
        }
    }

    #[test]
    fn all_components_keep_all_distances() {
        let data = stretched(9, 5);
        let found = reduce(&data, 99, 0);
        assert_eq!(found.cols(), 5);
        let distance = |m: &Matrix, a: usize, b: usize| -> f64 {
            m.row(a).iter().zip(m.row(b)).map(|(x, y)| f64::from(x - y).powi(2)).sum()
        };
        for (a, b) in [(0, 1), (2, 8), (4, 5)] {
            assert!((distance(&data, a, b) - distance(&found, a, b)).abs() < 1e-4);
        }
    }

    #[test]
    fn constant_rows_and_threads_change_nothing() {
        let constant = Matrix::from_fn(6, 4, |_, _| 3.0);
        assert!(reduce(&constant, 2, 0).as_slice().iter().all(|value| *value == 0.0));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| reduce(&stretched(200, 30), 10, 3))
        };
        assert_eq!(on(1), on(4));
    }
}
