//! Columns to zero mean and unit variance, as scikit-learn's `StandardScaler` does.

use super::matrix::Matrix;

/// Standardises each column in place by its population variance. A constant column keeps scale 1.
pub fn standardize(features: &mut Matrix) {
    let (rows, cols) = (features.rows(), features.cols());
    if rows == 0 {
        return;
    }
    let mut mean = vec![0.0_f64; cols];
    for i in 0..rows {
        mean.iter_mut().zip(features.row(i)).for_each(|(m, v)| *m += f64::from(*v));
    }
    mean.iter_mut().for_each(|m| *m /= rows as f64);
    let mut variance = vec![0.0_f64; cols];
    for i in 0..rows {
        let row = features.row(i).iter().zip(&mean);
        variance.iter_mut().zip(row).for_each(|(s, (v, m))| *s += (f64::from(*v) - m).powi(2));
    }
    let scale: Vec<f64> = variance
        .iter()
        .zip(&mean)
        .map(|(s, m)| {
            let variance = s / rows as f64;
            // Rounding leaves a constant column a variance near zero: the reference's own bound for "constant".
            let noise =
                rows as f64 * f64::EPSILON * variance + (rows as f64 * m * f64::EPSILON).powi(2);
            if variance <= noise { 1.0 } else { variance.sqrt() }
        })
        .collect();
    for i in 0..rows {
        let row = features.row_mut(i).iter_mut();
        row.zip(mean.iter().zip(&scale))
            .for_each(|(v, (m, s))| *v = ((f64::from(*v) - m) / s) as f32);
    }
}
