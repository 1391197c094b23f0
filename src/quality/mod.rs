//! How good a small set of images is, judged by their features: numbers in, numbers out.
//!
//! A [`Judge`] has all [`own_metrics`]: classifiers trained on the set ([`Probe`], [`Neighbors`]), its distance from the real
//! images ([`frechet`], [`mmd`]) and how much of them it covers ([`Manifold`]). [`standing`] compares its accuracy with other sets',
//! and [`Agreement`] is how far searches for cores agree ([`jaccard`], [`rand_index`], [`core_distance`]). Sums run in f64, and in an order that
//! does not depend on the number of threads. Matrices, products and
//! eigenvalues are [`crate::linalg`]'s.

mod agreement;
mod by_metric;
mod draw;
mod frechet;
mod judge;
mod label_robust;
mod lbfgs;
mod logistic;
mod manifold;
mod measures;
mod metric;
mod mmd;
mod neighbors;
mod probe;
mod scaling;
mod spread;
mod stability;

pub use crate::linalg::points::Points;
pub use agreement::{core_distance, jaccard, rand_index};
pub use by_metric::ByMetric;
pub use draw::{draw, shares};
pub use frechet::frechet;
pub use judge::{Classifiers, Judge, Right};
pub use manifold::{Covered, Manifold};
pub use measures::{accuracies, metrics, own_metrics, standing};
pub use metric::{Format, Metric, Standing};
pub use mmd::{Kernel, mmd};
pub use neighbors::Neighbors;
pub use probe::Probe;
pub use scaling::Scaling;
pub use spread::Spread;
pub use stability::{Agreement, Choice, between_random, fifths};

#[cfg(test)]
mod golden;
