//! The measures of a set of images: the list that JSON, tables and the report are made from.
//!
//! To add one, write its file, which declares a [`Measure`], and add that here.

use super::by_metric::ByMetric;
use super::metric::{Measure, Metric, Standing};
use super::{frechet, label_robust, manifold, mmd, neighbors, probe};

/// Every measure, in the order of columns; accuracies come first.
pub static MEASURES: &[Measure] = &[
    probe::MEASURE,
    neighbors::MEASURE,
    manifold::MEASURE,
    frechet::MEASURE,
    mmd::MEASURE,
    label_robust::MEASURE,
];

/// Every metric, in the order of columns.
pub fn metrics() -> impl Iterator<Item = Metric> {
    MEASURES.iter().flat_map(Measure::metrics).copied()
}

/// Those that are known of a set by itself: all but its standing among other sets.
pub fn own_metrics() -> impl Iterator<Item = Metric> {
    let own = MEASURES.iter().filter(|one| !matches!(one, Measure::Standing(..)));
    own.flat_map(Measure::metrics).copied()
}

/// What the first accuracies of three sets give.
pub fn standing(accuracies: &Standing) -> ByMetric<f64> {
    let numbers = MEASURES.iter().filter_map(|one| match one {
        Measure::Standing(metrics, stand) => {
            Some(metrics.iter().map(|metric| metric.key).zip(stand(accuracies)))
        }
        _ => None,
    });
    numbers.flatten().collect()
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

    #[test]
    fn a_metric_is_known_of_a_set_by_itself_or_by_its_standing() {
        let standing = standing(&Standing { set: 0.5, random: 0.5, whole: 0.5 });
        let own: Vec<&str> = own_metrics().map(|metric| metric.key).collect();
        let all: Vec<&str> = metrics().map(|metric| metric.key).collect();
        assert_eq!([own, standing.keys().collect()].concat(), all);
    }
}
