//! The smooth similarity curve 1 / (1 + a·d^2b) that the embedding's distances go through.

/// Sample points on [0, 3·spread].
const SAMPLES: usize = 300;
/// Levenberg-Marquardt steps at most.
const STEPS: usize = 200;

/// The curve's two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// Factor of the distance term.
    pub a: f64,
    /// Half the exponent of the distance.
    pub b: f64,
}

impl Curve {
    /// Fits the curve by least squares to 1 up to `min_dist` and exp(−(d − min_dist)/spread)
    /// beyond, at 300 points of [0, 3·spread]; for (1, 0) that gives a ≈ 1.932, b ≈ 0.791.
    pub fn fit(spread: f64, min_dist: f64) -> Self {
        let points: Vec<(f64, f64)> = (0..SAMPLES)
            .map(|at| {
                let d = 3.0 * spread * at as f64 / (SAMPLES - 1) as f64;
                (d, if d < min_dist { 1.0 } else { (-(d - min_dist) / spread).exp() })
            })
            .collect();
        let mut curve = Self { a: 1.0, b: 1.0 };
        let mut error = curve.squared_error(&points);
        let mut damping = 1e-3;
        for _ in 0..STEPS {
            let (step_a, step_b) = curve.step(&points, damping);
            let trial = Self { a: curve.a + step_a, b: curve.b + step_b };
            let trial_error = trial.squared_error(&points);
            if trial.a > 0.0 && trial.b > 0.0 && trial_error <= error {
                let settled = step_a.abs() + step_b.abs() < 1e-12;
                (curve, error) = (trial, trial_error);
                damping /= 10.0;
                if settled {
                    break;
                }
            } else {
                damping *= 10.0;
            }
        }
        curve
    }

    /// The curve's value at distance `d`.
    pub fn value(&self, d: f64) -> f64 {
        1.0 / (1.0 + self.a * d.powf(2.0 * self.b))
    }

    fn squared_error(&self, points: &[(f64, f64)]) -> f64 {
        points.iter().map(|&(d, y)| (self.value(d) - y).powi(2)).sum()
    }

    /// One damped Gauss-Newton step: solves (JᵀJ + λ diag JᵀJ) x = −Jᵀr for the two unknowns.
    fn step(&self, points: &[(f64, f64)], damping: f64) -> (f64, f64) {
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(d, y) in points.iter().filter(|point| point.0 > 0.0) {
            let value = self.value(d);
            let power = d.powf(2.0 * self.b);
            let by_a = -value * value * power;
            let by_b = -value * value * self.a * power * 2.0 * d.ln();
            let residual = value - y;
            aa += by_a * by_a;
            ab += by_a * by_b;
            bb += by_b * by_b;
            ra += by_a * residual;
            rb += by_b * residual;
        }
        let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = aa * bb - ab * ab;
        if determinant == 0.0 {
            return (0.0, 0.0);
        }
        ((ab * rb - bb * ra) / determinant, (ab * ra - aa * rb) / determinant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_are_those_of_scipy() {
        // (spread, min_dist) → (a, b) by scipy.optimize.curve_fit, as umap-learn calls it.
        let expected = [
            ((1.0, 0.0), (1.932_808, 0.790_495)),
            ((1.0, 0.1), (1.576_944, 0.895_061)),
            ((1.0, 0.5), (0.583_030, 1.334_167)),
            ((2.0, 0.25), (0.416_273, 0.921_855)),
        ];
        for ((spread, min_dist), (a, b)) in expected {
            let curve = Curve::fit(spread, min_dist);
            assert!((curve.a - a).abs() < 1e-4, "{spread} {min_dist}: {curve:?}");
            assert!((curve.b - b).abs() < 1e-4, "{spread} {min_dist}: {curve:?}");
        }
    }
}
