//! Column standardisation, as scikit-learn's `StandardScaler` does it for f32 input.

use super::Matrix;

/// Subtracts each column's mean and divides by its population standard deviation.
///
/// Sums run in f64 in row order; the result is rounded to f32 after the subtraction and again
/// after the division, as the published program's scaler rounds. A column whose variance is within
/// rounding error of zero keeps scale 1 (and so becomes zero).
pub fn standardize(features: &Matrix) -> Matrix {
    let means = features.column_means();
    let scales = column_scales(features, &means);
    let mut scaled = features.clone();
    for row in 0..scaled.rows() {
        for ((value, mean), scale) in scaled.row_mut(row).iter_mut().zip(&means).zip(&scales) {
            let shifted = (f64::from(*value) - mean) as f32;
            *value = (f64::from(shifted) / scale) as f32;
        }
    }
    scaled
}

/// Each column's population standard deviation, 1 where the column is constant.
fn column_scales(features: &Matrix, means: &[f64]) -> Vec<f64> {
    let mut squares = vec![0.0f64; features.cols()];
    let mut residuals = vec![0.0f64; features.cols()];
    for row in 0..features.rows() {
        for (col, (&value, mean)) in features.row(row).iter().zip(means).enumerate() {
            let deviation = f64::from(value) - mean;
            squares[col] += deviation * deviation;
            residuals[col] += deviation;
        }
    }
    let count = features.rows().max(1) as f64;
    let mut scales = Vec::with_capacity(features.cols());
    for ((square, residual), mean) in squares.iter().zip(&residuals).zip(means) {
        // The residual sum corrects the mean's own rounding.
        let variance = ((square - residual * residual / count) / count).max(0.0);
        let rounding = count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2);
        scales.push(if variance <= rounding { 1.0 } else { variance.sqrt() });
    }
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
