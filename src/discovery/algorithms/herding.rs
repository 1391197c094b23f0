//! Herding (Welling 2009, Herding dynamical weights to learn; iCaRL, Rebuffi et al. 2017).

use super::{Algorithm, AlgorithmInfo, Method};
use crate::discovery::Matrix;
use crate::discovery::choice::Choice;
use crate::linalg::distance::squared_norm;

impl Algorithm {
    /// Rows whose running mean stays nearest to the class mean (Welling 2009; iCaRL).
    pub const HERDING: Self = Self(&AlgorithmInfo {
        name: "herding",
        summary: "images whose running mean stays nearest to the mean of the class",
        reads: &[],
        method: Method::Rows(|features, ipc, _| {
            Choice::of_rows(features, &herding(features, ipc), "herding")
        }),
    });
}

/// Takes, one after another, the row that brings the mean of those taken nearest to the mean of all.
fn herding(features: &Matrix, ipc: usize) -> Vec<usize> {
    let means = features.column_means();
    let norms: Vec<f64> = (0..features.rows()).map(|row| squared_norm(features.row(row))).collect();
    let mut sum = vec![0.0f64; features.cols()];
    let mut chosen: Vec<usize> = Vec::with_capacity(ipc);
    for count in 1..=ipc {
        // |count·mean − sum − x|² less what all rows share.
        let wanted: Vec<f64> =
            means.iter().zip(&sum).map(|(mean, sum)| count as f64 * mean - sum).collect();
        let mut best: Option<(f64, usize)> = None;
        for row in (0..features.rows()).filter(|row| !chosen.contains(row)) {
            let along: f64 =
                features.row(row).iter().zip(&wanted).map(|(&x, w)| f64::from(x) * w).sum();
            let miss = norms[row] - 2.0 * along;
            if best.is_none_or(|(least, _)| miss < least) {
                best = Some((miss, row));
            }
        }
        let Some((_, row)) = best else { break };
        chosen.push(row);
        sum.iter_mut().zip(features.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    chosen
}
