//! The objective of multinomial logistic regression and its gradient.

use super::points::Points;
use crate::discovery::product::{add_columns_by_columns, rows_by_rows};
use rayon::prelude::*;

/// Rows whose scores are in memory at once, in each thread.
const BLOCK: usize = 256;
/// Pieces that the rows are divided into, and numbers that their gradients may have together: fixed, so that no sum
/// depends on the threads.
const PIECES: usize = 32;
const ROOM: usize = 1 << 26;

/// What the weights are judged by: the mean cross-entropy of the training rows, plus λ/2 · |weights|² with
/// λ = 1 / (C · rows); intercepts cost nothing. That is what scikit-learn's `LogisticRegression` minimises, also in that
/// of two classes one alone has weights.
pub struct Objective<'a> {
    rows: &'a Points,
    labels: &'a [usize],
    /// Classes with weights of their own; the last classes, where the first has none.
    free: usize,
    penalty: f64,
}

/// What some of the rows add to the objective, before it is divided by their number.
struct Share {
    loss: f64,
    /// Of weights, then of intercepts.
    gradient: Vec<f64>,
}

impl<'a> Objective<'a> {
    /// For `rows` of the classes `labels`, below `classes`, all of which occur.
    pub fn new(rows: &'a Points, labels: &'a [usize], classes: usize, strength: f64) -> Self {
        let free = if classes == 2 { 1 } else { classes };
        let penalty = 1.0 / (strength * rows.rows().max(1) as f64);
        Self { rows, labels, free, penalty }
    }

    /// Numbers to find: weights (free classes × columns), then intercepts.
    pub fn parameters(&self) -> usize {
        self.free * (self.rows.cols() + 1)
    }

    /// Value and gradient at `parameters`.
    pub fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let split = self.free * self.rows.cols();
        let (weights, intercepts) = parameters.split_at(split);
        let pieces = (ROOM / self.parameters().max(1)).clamp(1, PIECES);
        let each = self.rows.rows().div_ceil(pieces).next_multiple_of(BLOCK);
        let shares: Vec<Share> = self
            .rows
            .values()
            .par_chunks((each * self.rows.cols()).max(1))
            .zip(self.labels.par_chunks(each))
            .map(|(rows, labels)| self.share((rows, labels), (weights, intercepts)))
            .collect();
        let count = self.rows.rows().max(1) as f64;
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let loss: f64 = shares.iter().map(|share| share.loss).sum();
        let mut gradient = vec![0.0; self.parameters()];
        for share in shares {
            gradient.iter_mut().zip(share.gradient).for_each(|(sum, entry)| *sum += entry);
        }
        gradient.iter_mut().for_each(|entry| *entry /= count);
        for (entry, weight) in gradient.iter_mut().zip(weights) {
            *entry += self.penalty * weight;
        }
        (loss / count + self.penalty / 2.0 * squares, gradient)
    }

    /// What `rows` add at these weights, a block at a time: rows × classes are never in memory as a whole.
    fn share(
        &self,
        (rows, labels): (&[f64], &[usize]),
        (weights, intercepts): (&[f64], &[f64]),
    ) -> Share {
        let cols = self.rows.cols();
        let mut share = Share { loss: 0.0, gradient: vec![0.0; self.parameters()] };
        let (slopes, beside) = share.gradient.split_at_mut(weights.len());
        let mut scored = Vec::new();
        let blocks = rows.chunks((BLOCK * cols).max(1)).zip(labels.chunks(BLOCK));
        for (rows, labels) in blocks {
            scores(rows, weights, intercepts, &mut scored);
            for (row, &label) in scored.chunks_exact_mut(self.free.max(1)).zip(labels) {
                share.loss += residuals(row, label);
                beside.iter_mut().zip(row).for_each(|(sum, residual)| *sum += *residual);
            }
            add_columns_by_columns((&scored, self.free), (rows, cols), slopes);
        }
        share
    }
}

/// Rows × free classes, into `out`.
pub fn scores(rows: &[f64], weights: &[f64], intercepts: &[f64], out: &mut Vec<f64>) {
    let free = intercepts.len().max(1);
    rows_by_rows(rows, weights, weights.len() / free, out);
    for row in out.chunks_exact_mut(free) {
        row.iter_mut().zip(intercepts).for_each(|(score, intercept)| *score += intercept);
    }
}

/// Turns a row's scores into probability less truth, and returns its cross-entropy.
fn residuals(scores: &mut [f64], label: usize) -> f64 {
    // With one score for two classes, the first class's is 0.
    let (fixed, own) = match scores.len() {
        1 if label == 0 => (1.0, None),
        1 => (1.0, Some(0)),
        _ => (0.0, Some(label)),
    };
    let most = scores.iter().copied().fold(if fixed > 0.0 { 0.0 } else { f64::MIN }, f64::max);
    let truth = own.map_or(0.0, |own| scores[own]);
    scores.iter_mut().for_each(|score| *score = (*score - most).exp());
    let total = scores.iter().sum::<f64>() + fixed * (-most).exp();
    scores.iter_mut().for_each(|score| *score /= total);
    if let Some(own) = own {
        scores[own] -= 1.0;
    }
    total.ln() + most - truth
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient against differences of the value.
    #[test]
    fn the_gradient_is_the_values_slope() {
        for classes in [2, 4] {
            let rows = Points::new(3, (0..33).map(|i| f64::from(i * 7 % 11) / 5.0 - 1.0).collect());
            let labels: Vec<usize> = (0..11).map(|row| row % classes).collect();
            let objective = Objective::new(&rows, &labels, classes, 0.7);
            let at: Vec<f64> =
                (0..objective.parameters()).map(|i| (i as f64 * 0.7).sin() / 2.0).collect();
            let (_, gradient) = objective.at(&at);
            assert_eq!(gradient.len(), at.len());
            for (i, slope) in gradient.iter().enumerate() {
                let value = |by: f64| {
                    let mut moved = at.clone();
                    moved[i] += by;
                    objective.at(&moved).0
                };
                let measured = (value(1e-5) - value(-1e-5)) / 2e-5;
                assert!((measured - slope).abs() < 1e-8, "{classes} {i}: {measured} {slope}");
            }
        }
    }
}
