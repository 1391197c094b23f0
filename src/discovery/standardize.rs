//! Column standardisation, as scikit-learn's `StandardScaler` does it for f32 input.

use rayon::prelude::*;

use super::Matrix;

/// Columns a thread sums at once.
const COLUMNS: usize = 1024;

/// Subtracts each column's mean and divides by its population standard deviation.
///
/// Sums run in f64 in row order; the result is rounded to f32 after the subtraction and again
/// after the division, as the published program's scaler rounds. A column whose variance is within
/// rounding error of zero keeps scale 1 (and so becomes zero).
pub fn standardize(features: &Matrix) -> Matrix {
    let means = features.column_means();
    let scales = column_scales(features, &means);
    let mut scaled = features.clone();
    scaled.as_mut_slice().par_chunks_mut(features.cols().max(1)).for_each(|row| {
        for ((value, mean), scale) in row.iter_mut().zip(&means).zip(&scales) {
            let shifted = (f64::from(*value) - mean) as f32;
            *value = (f64::from(shifted) / scale) as f32;
        }
    });
    scaled
}

/// Each column's population standard deviation, 1 where the column is constant.
fn column_scales(features: &Matrix, means: &[f64]) -> Vec<f64> {
    let count = features.rows().max(1) as f64;
    let mut scales = vec![0.0f64; features.cols()];
    scales.par_chunks_mut(COLUMNS).enumerate().for_each(|(block, scales)| {
        let from = block * COLUMNS;
        let means = &means[from..from + scales.len()];
        let mut sums = vec![(0.0f64, 0.0f64); scales.len()];
        for row in 0..features.rows() {
            let values = &features.row(row)[from..];
            for ((&value, mean), (square, residual)) in values.iter().zip(means).zip(&mut sums) {
                let deviation = f64::from(value) - mean;
                *square += deviation * deviation;
                *residual += deviation;
            }
        }
        for ((scale, (square, residual)), mean) in scales.iter_mut().zip(sums).zip(means) {
            // The residual sum corrects the mean's own rounding.
            let variance = ((square - residual * residual / count) / count).max(0.0);
            let rounding = count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2);
            *scale = if variance <= rounding { 1.0 } else { variance.sqrt() };
        }
    });
    scales
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_mean_zero_and_population_variance_one() {
        let features = Matrix::from_fn(7, 3, |row, col| ((row * row) as f32) * (col as f32 + 0.5));
        let scaled = standardize(&features);
        for col in 0..3 {
            let column: Vec<f64> = (0..7).map(|row| f64::from(scaled.row(row)[col])).collect();
            let mean = column.iter().sum::<f64>() / 7.0;
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 7.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
        }
    }

    #[test]
    fn a_constant_column_becomes_zero() {
        let features = Matrix::from_fn(5, 2, |row, col| if col == 0 { 0.1 } else { row as f32 });
        let scaled = standardize(&features);
        assert!((0..5).all(|row| scaled.row(row)[0].abs() < 1e-6));
    }
}
