//! A linear probe: multinomial logistic regression on features.

use super::lbfgs::{Until, minimize};
use super::logistic::{Objective, scores};
use super::metric::{Classifier, Format, Measure, Metric};
use super::scaling::Scaling;
use crate::linalg::MatrixError;
use crate::linalg::points::Points;

/// When the weights are found. At the end of a steady descent less than a thousandth of the loss is left to gain then, which
/// moves accuracies by a few images in ten thousand; with a thousand classes it saves most of the steps.
const FOUND: Until = Until { gradient: 1e-6, gain: 1e-5 };

/// The probe's `C`.
const STRENGTH: f64 = 1.0;

/// The accuracy of the probe. It sees features scaled as standardises the real images: its penalty then means the same for
/// every encoder.
pub(super) const MEASURE: Measure = Measure::Accuracy(
    Metric { key: "probe", title: "linear probe", format: Format::Percent },
    train,
);

/// The probe and what it scales features by.
struct Scaled(Scaling, Probe);

fn train(
    by: &Scaling,
    rows: &Points,
    labels: &[usize],
) -> Result<Box<dyn Classifier>, MatrixError> {
    let probe = Probe::train(&by.apply(rows), labels, STRENGTH);
    Ok(Box::new(Scaled(by.clone(), probe)))
}

impl Classifier for Scaled {
    fn predict(&self, images: &Points) -> Result<Vec<usize>, MatrixError> {
        Ok(self.1.predict(&self.0.apply(images)))
    }
}

/// A trained linear classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Labels that occurred, ascending.
    classes: Vec<usize>,
    weights: Vec<f64>,
    intercepts: Vec<f64>,
}

impl Probe {
    /// Trains on `rows` with one label each. `strength` is scikit-learn's `C`: the larger, the less the weights are
    /// held back (see [`Objective`] for what is minimised).
    pub fn train(rows: &Points, labels: &[usize], strength: f64) -> Self {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let places: Vec<usize> =
            labels.iter().map(|label| classes.binary_search(label).unwrap_or(0)).collect();
        let objective = Objective::<f32>::new(rows, &places, classes.len(), strength);
        let start = vec![0.0; objective.parameters()];
        let mut weights = minimize(start, FOUND, |at| objective.at(at));
        let intercepts = weights.split_off(weights.len() / (rows.cols() + 1) * rows.cols());
        Self { classes, weights, intercepts }
    }

    /// The likeliest label of each row; of equal ones the least.
    pub fn predict(&self, rows: &Points) -> Vec<usize> {
        let free = self.intercepts.len();
        let mut scored = Vec::new();
        scores(rows.values(), &self.weights, &self.intercepts, &mut scored);
        scored
            .chunks_exact(free.max(1))
            .map(|scores| self.classes[self.likeliest(scores)])
            .collect()
    }

    fn likeliest(&self, scores: &[f64]) -> usize {
        if self.classes.len() == 2 {
            return usize::from(scores[0] > 0.0);
        }
        let best = |best, at| if scores[at] > scores[best] { at } else { best };
        (1..scores.len()).fold(0, best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_have_gaps_and_one_class_is_always_right() {
        let rows = Points::new(1, vec![0.0, 0.1, 5.0, 5.1, 9.0, 9.1]);
        let probe = Probe::train(&rows, &[3, 3, 7, 7, 12, 12], 100.0);
        assert_eq!(probe.predict(&Points::new(1, vec![-1.0, 5.05, 11.0])), [3, 7, 12]);
        let two = Probe::train(&rows, &[4, 4, 9, 9, 9, 9], 1.0);
        assert_eq!(two.predict(&Points::new(1, vec![-1.0, 11.0])), [4, 9]);
        assert_eq!(Probe::train(&rows, &[5; 6], 1.0).predict(&rows), [5; 6]);
    }

    #[test]
    fn threads_change_nothing() {
        let rows = Points::new(7, (0..7 * 600).map(|i| f64::from(i * 37 % 101) / 50.0).collect());
        let labels: Vec<usize> = (0..600).map(|row| row * row % 5).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Probe::train(&rows, &labels, 1.0))
        };
        assert_eq!(on(1), on(4));
    }
}
