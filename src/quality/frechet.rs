//! The Fréchet distance between two sets, each taken as a Gaussian (Dowson, Landau 1982; on Inception's features, FID).

use super::metric::{Compare, Format, Measure, Metric};
use crate::linalg::MatrixError;
use crate::linalg::eigen::eigenvalues;
use crate::linalg::factor::cholesky;
use crate::linalg::points::Points;
use std::sync::Arc;

/// The Fréchet distance of a set from the real images.
pub(super) const MEASURE: Measure = Measure::Comparison(
    &[Metric { key: "frechet", title: "Fréchet", format: Format::Decimals(3) }],
    |reference| Ok(Box::new(Reference(reference))),
);

/// The real images.
struct Reference(Arc<Points>);

impl Compare for Reference {
    fn compare(&self, set: &Points) -> Result<Vec<Option<f64>>, MatrixError> {
        Ok(vec![Some(frechet(set, &self.0))])
    }
}

/// |μ₁ − μ₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½), with covariances S over n − 1.
///
/// For S = AᵀA, tr (S₁S₂)^½ is the sum of the singular values of A₁A₂ᵀ. A is the centred set itself where it has fewer
/// rows than columns, so that a small set's missing rank makes no rounding errors to take roots of.
pub fn frechet(left: &Points, right: &Points) -> f64 {
    let (means, others) = (left.means(), right.means());
    let apart: f64 = means.iter().zip(&others).map(|(a, b)| (a - b) * (a - b)).sum();
    let (left, right) = (factor(left, &means), factor(right, &others));
    let (few, many) = if left.rows() < right.rows() { (&left, &right) } else { (&right, &left) };
    let product = few.by_rows(many);
    let squares = eigenvalues(product.by_rows(&product).values().to_vec(), product.rows());
    // What is left of a 0 by rounding would count with its root, half the digits.
    let least = product.rows() as f64 * f64::EPSILON * squares.last().copied().unwrap_or(0.0);
    let shared: f64 = squares.iter().filter(|square| **square > least).map(|s| s.sqrt()).sum();
    let trace = |factor: &Points| factor.values().iter().map(|value| value * value).sum::<f64>();
    (apart + trace(&left) + trace(&right) - 2.0 * shared).max(0.0)
}

/// At most as many rows as columns whose products with themselves are the covariance.
fn factor(points: &Points, means: &[f64]) -> Points {
    let scale = (points.rows().saturating_sub(1).max(1) as f64).sqrt();
    let centred = points.less(means).values().iter().map(|value| value / scale).collect();
    let centred = Points::new(points.cols(), centred);
    if centred.rows() <= centred.cols() {
        return centred;
    }
    cholesky(centred.gram(), centred.cols())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(rows: usize, cols: usize, shift: f64) -> Points {
        let value = |at: usize| ((at * 7919 % 1009) as f64 / 504.0 - 1.0) + shift;
        Points::new(cols, (0..rows * cols).map(value).collect())
    }

    #[test]
    fn a_set_is_at_no_distance_from_itself_and_a_shift_counts_squared() {
        for (rows, cols) in [(5, 12), (40, 12), (13, 12), (1, 3)] {
            let set = cloud(rows, cols, 0.0);
            assert!(frechet(&set, &set) < 1e-9, "{rows}: {}", frechet(&set, &set));
            let moved = frechet(&set, &cloud(rows, cols, 0.5));
            assert!((moved - 0.25 * cols as f64).abs() < 1e-9, "{rows}: {moved}");
        }
    }

    #[test]
    fn both_ways_to_factor_agree_and_constant_columns_do_no_harm() {
        // Columns that repeat: rank 6 of 12, by more rows than columns.
        let half = cloud(40, 6, 0.0);
        let twice = Points::new(12, half.iter().flat_map(|row| [row, row].concat()).collect());
        let other = cloud(9, 12, 0.1);
        let direct = {
            let padded = |points: &Points| {
                let row = |row: &[f64]| [row, &[3.0; 40][..]].concat();
                Points::new(52, points.iter().flat_map(row).collect())
            };
            frechet(&padded(&twice), &padded(&other))
        };
        let found = frechet(&twice, &other);
        assert!((found / direct - 1.0).abs() < 1e-8, "{found} {direct}");
    }
}
