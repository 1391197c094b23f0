//! Columns brought to mean 0 and variance 1.

use crate::linalg::points::Points;

/// What each column is moved and divided by.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scaling {
    /// The scaling that standardises `points` (population variance, as scikit-learn's `StandardScaler`); a constant
    /// column is moved only.
    pub fn of(points: &Points) -> Self {
        let means = points.means();
        let mut squares = vec![0.0; points.cols()];
        for row in points.iter() {
            for ((square, value), mean) in squares.iter_mut().zip(row).zip(&means) {
                *square += (value - mean) * (value - mean);
            }
        }
        let count = points.rows().max(1) as f64;
        let deviation = |(square, mean): (f64, &f64)| {
            let deviation = (square / count).sqrt();
            if deviation <= 1e-12 * mean.abs() { 1.0 } else { deviation }
        };
        let deviations = squares.into_iter().zip(&means).map(deviation).collect();
        Self { means, deviations }
    }

    /// `points`, scaled.
    pub fn apply(&self, points: &Points) -> Points {
        let moved = points.less(&self.means);
        let columns = self.deviations.iter().cycle();
        let values = moved.values().iter().zip(columns).map(|(value, by)| value / by).collect();
        Points::new(points.cols(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_to_mean_0_and_variance_1_and_constant_ones_to_0() {
        let points = Points::new(2, vec![1.0, 0.3, 3.0, 0.3, 8.0, 0.3]);
        let scaled = Scaling::of(&points).apply(&points);
        let squares: f64 = scaled.iter().map(|row| row[0] * row[0]).sum();
        assert!(scaled.means()[0].abs() < 1e-15 && (squares / 3.0 - 1.0).abs() < 1e-12);
        assert!(scaled.iter().all(|row| row[1].abs() < 1e-15));
    }
}
