//! How good a small set of images is, judged by their features: numbers in, numbers out.
//!
//! Classifiers trained on the set ([`Probe`], [`Neighbors`]), its distance from the real images
//! ([`frechet`], [`mmd`]) and how much of them it covers ([`Manifold`]); and how far two searches for
//! cores agree ([`jaccard`], [`rand_index`], [`core_distance`]). Sums run in f64, and in an order that
//! does not depend on the number of threads. Matrix products are [`crate::discovery`]'s.

mod agreement;
mod draw;
mod eigen;
mod frechet;
mod lbfgs;
mod logistic;
mod manifold;
mod mmd;
mod neighbors;
mod points;
mod probe;
mod spread;

pub use agreement::{core_distance, jaccard, rand_index};
pub use draw::draw;
pub use frechet::frechet;
pub use manifold::{Covered, Manifold};
pub use mmd::{Kernel, mmd};
pub use neighbors::Neighbors;
pub use points::Points;
pub use probe::Probe;
pub use spread::Spread;

#[cfg(test)]
mod golden;
