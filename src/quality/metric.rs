//! What a measure of a set of images declares about itself, and what it may be.

use super::scaling::Scaling;
use crate::linalg::MatrixError;
use crate::linalg::points::Points;
use serde::Serialize;
use std::sync::Arc;

/// A number that tells how good a set is, as tables and files show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// Its name in JSON.
    pub key: &'static str,
    /// Its name over a column.
    pub title: &'static str,
    /// How it is written.
    pub format: Format,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A share, 0 to 1, in per cent with one decimal.
    Percent,
    /// So many decimals.
    Decimals(usize),
}

/// Metrics with the arithmetic that gives them, declared where that is written.
pub enum Measure {
    /// The share of held-out images that a classifier trained on the set names rightly; also known by class.
    Accuracy(Metric, Train),
    /// Numbers that one comparison with the real images gives, in their order.
    Comparison(&'static [Metric], Prepare),
    /// Numbers that the first classifier's accuracy gives beside other sets', in their order.
    Standing(&'static [Metric], Stand),
}

/// Trains a classifier on rows with one label each; the scaling standardises the real images.
pub type Train = fn(&Scaling, &Points, &[usize]) -> Result<Box<dyn Classifier>, MatrixError>;

/// Looks at the real images once, for any number of sets.
pub type Prepare = fn(Arc<Points>) -> Result<Box<dyn Compare>, MatrixError>;

/// One number for each metric declared with it.
pub type Stand = fn(&Standing) -> Vec<f64>;

/// The accuracy of one classifier trained on a set, on as many random real images and on the whole data: shares, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// On the set.
    pub set: f64,
    /// On random real images, as many of each class.
    pub random: f64,
    /// On all real images.
    pub whole: f64,
}

/// A classifier, trained.
pub trait Classifier: Send + Sync {
    /// The label of each image.
    ///
    /// # Errors
    /// Features that can't be compared.
    fn predict(&self, images: &Points) -> Result<Vec<usize>, MatrixError>;
}

/// The real images, to compare sets with.
pub trait Compare: Send + Sync {
    /// One number for each metric declared with it; `None` where a set is too small for one.
    ///
    /// # Errors
    /// Features that can't be compared.
    fn compare(&self, set: &Points) -> Result<Vec<Option<f64>>, MatrixError>;
}

impl Measure {
    /// The metrics, in their order.
    pub fn metrics(&self) -> &[Metric] {
        match self {
            Self::Accuracy(metric, _) => std::slice::from_ref(metric),
            Self::Comparison(metrics, _) | Self::Standing(metrics, _) => metrics,
        }
    }
}
