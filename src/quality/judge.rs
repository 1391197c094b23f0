//! All that is measured of one set of images.

use super::by_metric::ByMetric;
use super::measures::{MEASURES, accuracies};
use super::metric::{Classifier, Compare, Measure, Metric};
use super::scaling::Scaling;
use crate::linalg::MatrixError;
use crate::linalg::points::Points;
use std::sync::Arc;

/// The real images that sets are compared with.
pub struct Judge {
    scaling: Scaling,
    comparisons: Vec<(&'static [Metric], Box<dyn Compare>)>,
}

/// Classifiers trained on a set, one for each accuracy.
pub struct Classifiers(Vec<Box<dyn Classifier>>);

/// Images of one class that the classifiers named rightly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Right {
    /// By each classifier, in the order of accuracies; none where there were no images.
    pub counts: Vec<usize>,
    /// Of so many.
    pub images: usize,
}

impl Judge {
    /// Takes the features of the real images, two at least.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn new(reference: Points) -> Result<Self, MatrixError> {
        let reference = Arc::new(reference);
        let scaling = Scaling::of(&reference);
        let mut comparisons = Vec::new();
        for measure in MEASURES {
            if let Measure::Comparison(metrics, prepare) = measure {
                comparisons.push((*metrics, prepare(reference.clone())?));
            }
        }
        Ok(Self { scaling, comparisons })
    }

    /// Compares a set with the real images.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn place(&self, set: &Points) -> Result<ByMetric<Option<f64>>, MatrixError> {
        let mut placed = Vec::new();
        for (metrics, comparison) in &self.comparisons {
            let keys = metrics.iter().map(|metric| metric.key);
            placed.extend(keys.zip(comparison.compare(set)?));
        }
        Ok(placed.into_iter().collect())
    }

    /// Trains on `rows` with one label each.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn train(&self, rows: &Points, labels: &[usize]) -> Result<Classifiers, MatrixError> {
        let trained = MEASURES.iter().filter_map(|measure| match measure {
            Measure::Accuracy(_, train) => Some(train(&self.scaling, rows, labels)),
            _ => None,
        });
        Ok(Classifiers(trained.collect::<Result<_, _>>()?))
    }
}

impl Classifiers {
    /// How many of `images`, all of the class `label`, are named rightly.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn right(&self, images: &Points, label: usize) -> Result<Right, MatrixError> {
        let count = |named: Vec<usize>| named.into_iter().filter(|name| *name == label).count();
        let counts = self.0.iter().map(|classifier| Ok(count(classifier.predict(images)?)));
        Ok(Right { counts: counts.collect::<Result<_, MatrixError>>()?, images: images.rows() })
    }
}

impl Right {
    /// Each accuracy; `None` of no images.
    pub fn shares(&self) -> ByMetric<Option<f64>> {
        let share = |at: usize| Some(*self.counts.get(at)? as f64 / self.images as f64);
        let known = |at: usize| share(at).filter(|_| self.images > 0);
        accuracies().enumerate().map(|(at, metric)| (metric.key, known(at))).collect()
    }

    /// Both together.
    pub fn with(&self, other: &Self) -> Self {
        let count = |right: &Self, at: usize| right.counts.get(at).copied().unwrap_or(0);
        let classifiers = self.counts.len().max(other.counts.len());
        Self {
            counts: (0..classifiers).map(|at| count(self, at) + count(other, at)).collect(),
            images: self.images + other.images,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_images_cover_and_classify_and_others_do_not() {
        let cloud = |from: u32| {
            let value = move |at: u32| f64::from((at * 7919 + from * 131) % 997) / 300.0;
            Points::new(3, (0..300).map(|at| value(at) + f64::from(at / 150) * 9.0).collect())
        };
        let labels: Vec<usize> = (0..100).map(|row| row / 50).collect();
        let judge = Judge::new(cloud(1)).unwrap();
        let of = |placed: &ByMetric<Option<f64>>, key| placed.get(key).copied().flatten().unwrap();
        let placed = judge.place(&cloud(2)).unwrap();
        assert!(of(&placed, "coverage") > 0.6 && of(&placed, "density") > 0.6, "{placed:?}");
        let moved = Points::new(3, cloud(2).values().iter().map(|v| v + 90.0).collect());
        let far = judge.place(&moved).unwrap();
        assert_eq!((of(&far, "coverage"), of(&far, "density")), (0.0, 0.0));
        assert!(of(&far, "frechet") > 100.0 * of(&placed, "frechet"));
        assert!(of(&far, "mmd") > of(&placed, "mmd"));

        let classifiers = judge.train(&cloud(2), &labels).unwrap();
        let second = cloud(3).select(&(50..100).collect::<Vec<_>>());
        let right = classifiers.right(&second, 1).unwrap();
        assert_eq!(right, Right { counts: vec![50, 50], images: 50 });
        let none = classifiers.right(&second, 0).unwrap();
        let shares = right.with(&none).shares();
        assert_eq!((of(&shares, "probe"), of(&shares, "knn")), (0.5, 0.5));
        let unknown = Right::default().shares();
        assert!(unknown.keys().all(|key| unknown.get(key) == Some(&None)));
        assert_eq!(Right::default().with(&right), right);
    }
}
