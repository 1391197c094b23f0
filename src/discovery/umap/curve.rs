//! The low-dimensional similarity 1 / (1 + a·d^2b), fitted to `min_dist` 0 and `spread` 1.

/// a and b that least-squares fit exp(−d) over 300 points of 0 … 3: umap-learn's for these two settings.
pub(super) fn parameters() -> (f64, f64) {
    let (mut a, mut b) = (1.5, 0.9);
    // Gauss–Newton with a tiny ridge: two parameters, a smooth curve, a dozen steps to machine precision.
    for _ in 0..60 {
        let (mut jaa, mut jab, mut jbb, mut ra, mut rb) = (1e-12, 0.0, 1e-12, 0.0, 0.0);
        for i in 0..300 {
            let d = 3.0 * f64::from(i) / 299.0;
            if d == 0.0 {
                continue;
            }
            let power = d.powf(2.0 * b);
            let value = 1.0 / (1.0 + a * power);
            let (da, db) = (-power * value * value, -2.0 * a * power * d.ln() * value * value);
            let residual = (-d).exp() - value;
            jaa += da * da;
            jab += da * db;
            jbb += db * db;
            ra += da * residual;
            rb += db * residual;
        }
        let determinant = jaa * jbb - jab * jab;
        a += (jbb * ra - jab * rb) / determinant;
        b += (jaa * rb - jab * ra) / determinant;
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    #[test]
    fn equals_the_reference() {
        let (a, b) = super::parameters();
        assert!((a - 1.929).abs() < 2e-3 && (b - 0.7915).abs() < 1e-3, "{a} {b}");
    }
}
