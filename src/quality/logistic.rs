//! The objective of multinomial logistic regression and its gradient.

use crate::linalg::gemm::{Number, add_columns_by_columns, rows_by_rows};
use crate::linalg::points::Points;
use rayon::prelude::*;

/// Rows whose scores are in memory at once, in each thread.
const BLOCK: usize = 256;
/// Pieces that the rows are divided into, and numbers that their gradients may have together: fixed, so that no sum
/// depends on the threads.
const PIECES: usize = 32;
const ROOM: usize = 1 << 26;

/// What the weights are judged by: the mean cross-entropy of the training rows, plus λ/2 · |weights|² with
/// λ = 1 / (C · rows); intercepts cost nothing. That is what scikit-learn's `LogisticRegression` minimises, also in that
/// of two classes one alone has weights. Products are of numbers `T`, all else is f64.
pub struct Objective<'a, T> {
    /// Row by row.
    values: Vec<T>,
    rows: usize,
    cols: usize,
    labels: &'a [usize],
    /// Classes with weights of their own; the last classes, where the first has none.
    free: usize,
    penalty: f64,
}

/// What some of the rows add to the objective, before it is divided by their number.
struct Share<T> {
    loss: f64,
    slopes: Vec<T>,
    beside: Vec<f64>,
}

impl<'a, T: Number> Objective<'a, T> {
    /// For `rows` of the classes `labels`, below `classes`, all of which occur.
    pub fn new(rows: &Points, labels: &'a [usize], classes: usize, strength: f64) -> Self {
        let free = if classes == 2 { 1 } else { classes };
        let penalty = 1.0 / (strength * rows.rows().max(1) as f64);
        let values = rows.values().iter().map(|value| T::nearest(*value)).collect();
        Self { values, rows: rows.rows(), cols: rows.cols(), labels, free, penalty }
    }

    /// Numbers to find: weights (free classes × columns), then intercepts.
    pub fn parameters(&self) -> usize {
        self.free * (self.cols + 1)
    }

    /// Value and gradient at `parameters`.
    pub fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let (weights, intercepts) = parameters.split_at(self.free * self.cols);
        let narrow: Vec<T> = weights.iter().map(|weight| T::nearest(*weight)).collect();
        let pieces = (ROOM / self.parameters().max(1)).clamp(1, PIECES);
        let each = self.rows.div_ceil(pieces).next_multiple_of(BLOCK);
        let shares: Vec<Share<T>> = self
            .values
            .par_chunks((each * self.cols).max(1))
            .zip(self.labels.par_chunks(each))
            .map(|(rows, labels)| self.share((rows, labels), (&narrow, intercepts)))
            .collect();
        let count = self.rows.max(1) as f64;
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let loss: f64 = shares.iter().map(|share| share.loss).sum();
        let mut gradient = vec![0.0; self.parameters()];
        for Share { slopes, beside, .. } in shares {
            let all = slopes.into_iter().map(T::wide).chain(beside);
            gradient.iter_mut().zip(all).for_each(|(sum, entry)| *sum += entry);
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
        (rows, labels): (&[T], &[usize]),
        (weights, intercepts): (&[T], &[f64]),
    ) -> Share<T> {
        let (cols, free) = (self.cols, self.free.max(1));
        let mut share =
            Share { loss: 0.0, slopes: vec![T::ZERO; weights.len()], beside: vec![0.0; free] };
        let (mut products, mut scores) = (Vec::new(), vec![0.0; free]);
        let blocks = rows.chunks((BLOCK * cols).max(1)).zip(labels.chunks(BLOCK));
        for (rows, labels) in blocks {
            rows_by_rows(rows, weights, cols, &mut products);
            for (row, &label) in products.chunks_exact_mut(free).zip(labels) {
                for ((score, product), intercept) in scores.iter_mut().zip(&*row).zip(intercepts) {
                    *score = product.wide() + intercept;
                }
                share.loss += residuals(&mut scores, label);
                for ((out, residual), sum) in row.iter_mut().zip(&scores).zip(&mut share.beside) {
                    *out = T::nearest(*residual);
                    *sum += residual;
                }
            }
            add_columns_by_columns((&products, free), (rows, cols), &mut share.slopes);
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
            let objective = Objective::<f64>::new(&rows, &labels, classes, 0.7);
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

    #[test]
    fn half_the_width_gives_the_same_but_for_rounding() {
        let rows =
            Points::new(5, (0..5 * 700).map(|i| f64::from(i * 7 % 23) / 9.0 - 1.0).collect());
        let labels: Vec<usize> = (0..700).map(|row| row * row % 6).collect();
        let at: Vec<f64> = (0..36).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let (value, gradient) = Objective::<f64>::new(&rows, &labels, 6, 1.0).at(&at);
        let (narrow, slopes) = Objective::<f32>::new(&rows, &labels, 6, 1.0).at(&at);
        assert!((narrow / value - 1.0).abs() < 1e-6, "{narrow} {value}");
        assert!(gradient.iter().zip(&slopes).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
