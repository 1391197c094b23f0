//! Classification by nearest neighbours.

use super::metric::{Classifier, Format, Measure, Metric};
use super::scaling::Scaling;
use crate::linalg::knn::BruteForce;
use crate::linalg::points::Points;
use crate::linalg::{Matrix, MatrixError};

/// Neighbours that vote on an image, where every class of the set has as many.
const VOTES: usize = 5;

/// The accuracy of classification by nearest neighbours.
pub(super) const MEASURE: Measure =
    Measure::Accuracy(Metric { key: "knn", title: "k-NN", format: Format::Percent }, train);

fn train(_: &Scaling, rows: &Points, labels: &[usize]) -> Result<Box<dyn Classifier>, MatrixError> {
    let votes = VOTES.min(fewest(labels));
    Ok(Box::new(Neighbors::new(rows, labels.to_vec(), votes)?))
}

impl Classifier for Neighbors {
    fn predict(&self, images: &Points) -> Result<Vec<usize>, MatrixError> {
        Neighbors::predict(self, images)
    }
}

/// Rows of the class that has the fewest.
fn fewest(labels: &[usize]) -> usize {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(<[usize]>::len).min().unwrap_or(1)
}

/// Labelled rows to be near to.
#[derive(Debug)]
pub struct Neighbors {
    rows: BruteForce<'static>,
    labels: Vec<usize>,
    k: usize,
}

impl Neighbors {
    /// The `k` nearest of `rows` (Euclidean; all, if they are fewer) will have a vote each.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn new(rows: &Points, labels: Vec<usize>, k: usize) -> Result<Self, MatrixError> {
        let k = k.clamp(1, rows.rows().max(1));
        Ok(Self { rows: BruteForce::owned(matrix(rows))?, labels, k })
    }

    /// Each row's label by most votes; of labels with as many, the one with the nearest row.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn predict(&self, rows: &Points) -> Result<Vec<usize>, MatrixError> {
        let nearest = self.rows.nearest(&matrix(rows), self.k)?;
        Ok(nearest.iter().map(|near| self.vote(near)).collect())
    }

    fn vote(&self, near: &[(f32, u32)]) -> usize {
        let labels: Vec<usize> = near.iter().map(|near| self.labels[near.1 as usize]).collect();
        let votes = |label: usize| labels.iter().filter(|other| **other == label).count();
        // Of equals the first, which is the nearest.
        let best =
            |best: usize, &label: &usize| if votes(label) > votes(best) { label } else { best };
        let first = labels.first().copied().unwrap_or_default();
        labels.iter().fold(first, best)
    }
}

/// Features come as f32: none loses a digit.
fn matrix(rows: &Points) -> Matrix {
    rows.narrow(&vec![0.0; rows.cols()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_votes_win_and_of_equals_the_nearest() {
        let rows = Points::new(1, vec![0.0, 1.0, 1.2, 10.0, 11.0]);
        let labels = vec![8, 3, 3, 5, 5];
        let by = |k| Neighbors::new(&rows, labels.clone(), k).unwrap();
        let asked = Points::new(1, vec![0.1, 10.4, 4.0]);
        assert_eq!(by(1).predict(&asked).unwrap(), [8, 5, 3]);
        assert_eq!(by(2).predict(&asked).unwrap(), [8, 5, 3]);
        assert_eq!(by(3).predict(&asked).unwrap(), [3, 5, 3]);
        assert_eq!(by(99).predict(&asked).unwrap(), [3, 5, 3]);
    }
}
