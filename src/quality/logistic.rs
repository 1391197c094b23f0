//! The objective of multinomial logistic regression and its gradient.

use super::points::Points;
use rayon::prelude::*;

/// Rows whose losses are added up by one thread.
const BLOCK: usize = 256;

/// What the weights are judged by: the mean cross-entropy of the training rows, plus λ/2 · |weights|² with
/// λ = 1 / (C · rows); intercepts cost nothing. That is what scikit-learn's `LogisticRegression` minimises, also in that
/// of two classes one alone has weights.
pub struct Objective<'a> {
    rows: &'a Points,
    columns: Points,
    labels: &'a [usize],
    /// Classes with weights of their own; the last classes, where the first has none.
    free: usize,
    penalty: f64,
}

impl<'a> Objective<'a> {
    /// For `rows` of the classes `labels`, below `classes`, all of which occur.
    pub fn new(rows: &'a Points, labels: &'a [usize], classes: usize, strength: f64) -> Self {
        let free = if classes == 2 { 1 } else { classes };
        let penalty = 1.0 / (strength * rows.rows().max(1) as f64);
        Self { rows, columns: rows.transposed(), labels, free, penalty }
    }

    /// Numbers to find: weights (free classes × columns), then intercepts.
    pub fn parameters(&self) -> usize {
        self.free * (self.rows.cols() + 1)
    }

    /// Value and gradient at `parameters`.
    pub fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let split = self.free * self.rows.cols();
        let (weights, intercepts) = parameters.split_at(split);
        let mut scores = scores(self.rows, weights, intercepts);
        let losses: Vec<f64> = scores
            .par_chunks_mut((BLOCK * self.free).max(1))
            .zip(self.labels.par_chunks(BLOCK))
            .map(|(scores, labels)| {
                let rows = scores.chunks_exact_mut(self.free.max(1)).zip(labels);
                rows.map(|(row, &label)| residuals(row, label)).sum()
            })
            .collect();
        let count = self.rows.rows().max(1) as f64;
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let value = losses.iter().sum::<f64>() / count + self.penalty / 2.0 * squares;
        let residuals = Points::new(self.free, scores).transposed();
        // Columns × free classes: the product is shared out by columns.
        let slopes = self.columns.by_rows(&residuals).transposed();
        let mut gradient = slopes.values().to_vec();
        for (entry, weight) in gradient.iter_mut().zip(weights) {
            *entry = *entry / count + self.penalty * weight;
        }
        gradient.extend(residuals.iter().map(|class| class.iter().sum::<f64>() / count));
        (value, gradient)
    }
}

/// Rows × free classes.
pub fn scores(rows: &Points, weights: &[f64], intercepts: &[f64]) -> Vec<f64> {
    let product = rows.by_rows(&Points::new(rows.cols(), weights.to_vec()));
    let mut scores = product.values().to_vec();
    for row in scores.chunks_exact_mut(intercepts.len().max(1)) {
        row.iter_mut().zip(intercepts).for_each(|(score, intercept)| *score += intercept);
    }
    scores
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
