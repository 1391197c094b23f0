//! The measures of a set of images: the list that JSON, tables and the report are made from.
//!
//! To add one, write its file, which declares a [`Measure`], and add that here.

use super::metric::{Measure, Metric};
use super::{frechet, manifold, mmd, neighbors, probe};

/// Every measure, in the order of columns; accuracies come first.
pub static MEASURES: &[Measure] =
    &[probe::MEASURE, neighbors::MEASURE, manifold::MEASURE, frechet::MEASURE, mmd::MEASURE];

/// Every metric, in the order of columns.
pub fn metrics() -> impl Iterator<Item = Metric> {
    MEASURES.iter().flat_map(Measure::metrics).copied()
}

/// Those that are also known class by class: accuracies of classifiers.
pub fn accuracies() -> impl Iterator<Item = Metric> {
    let accuracies = MEASURES.iter().filter(|one| matches!(one, Measure::Accuracy(..)));
    accuracies.flat_map(Measure::metrics).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_accuracies_come_first() {
        let keys: Vec<&str> = metrics().map(|metric| metric.key).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), keys.len(), "{keys:?}");
        assert!(keys.iter().copied().zip(accuracies()).all(|(key, metric)| key == metric.key));
        // What earlier files of a run have.
        assert_eq!(keys[..6], ["probe", "knn", "coverage", "density", "frechet", "mmd"]);
    }
}
