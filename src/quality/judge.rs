//! All that is measured of one set of images.

use super::{Kernel, Manifold, Neighbors, Points, Probe, Scaling, frechet, mmd};
use crate::linalg::MatrixError;
use std::sync::Arc;

/// Neighbours whose ball a real image owns, for coverage and density (Naeem et al. 2020).
const BALL: usize = 5;
/// Neighbours that vote on an image, where every class of the set has as many.
const VOTES: usize = 5;
/// The probe's `C`.
const STRENGTH: f64 = 1.0;

/// The real images that sets are compared with.
#[derive(Debug)]
pub struct Judge {
    reference: Arc<Points>,
    scaling: Scaling,
    manifold: Manifold,
    kernel: Kernel,
}

/// Where a set lies among the real images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Share of the real images that have one of the set near: 0 to 1.
    pub coverage: f64,
    /// How crowded by real images the set's places are; about 1 for real ones.
    pub density: f64,
    /// Fréchet distance.
    pub frechet: f64,
    /// Unbiased MMD²; absent for a set of one image.
    pub mmd: Option<f64>,
}

/// Classifiers trained on a set.
#[derive(Debug)]
pub struct Classifiers {
    scaling: Scaling,
    probe: Probe,
    neighbors: Neighbors,
}

/// Images of one class that the classifiers named rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Right {
    /// By the linear probe.
    pub probe: usize,
    /// By the nearest neighbours.
    pub knn: usize,
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
        let manifold = Manifold::new(reference.clone(), BALL)?;
        let kernel = Kernel::new(reference.clone());
        Ok(Self { reference, scaling, manifold, kernel })
    }

    /// Compares a set with the real images.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn place(&self, set: &Points) -> Result<Placement, MatrixError> {
        let covered = self.manifold.holds(set)?;
        Ok(Placement {
            coverage: covered.coverage,
            density: covered.density,
            frechet: frechet(set, &self.reference),
            mmd: mmd(set, &self.kernel),
        })
    }

    /// Trains on `rows` with one label each. The probe sees features scaled as standardises the real images: its
    /// penalty then means the same for every encoder.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn train(&self, rows: &Points, labels: Vec<usize>) -> Result<Classifiers, MatrixError> {
        let probe = Probe::train(&self.scaling.apply(rows), &labels, STRENGTH);
        let votes = VOTES.min(fewest(&labels));
        let neighbors = Neighbors::new(rows, labels, votes)?;
        Ok(Classifiers { scaling: self.scaling.clone(), probe, neighbors })
    }
}

/// Rows of the class that has the fewest.
fn fewest(labels: &[usize]) -> usize {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(<[usize]>::len).min().unwrap_or(1)
}

impl Classifiers {
    /// How many of `images`, all of the class `label`, are named rightly.
    ///
    /// # Errors
    /// Features that can't be compared.
    pub fn right(&self, images: &Points, label: usize) -> Result<Right, MatrixError> {
        let count = |named: Vec<usize>| named.into_iter().filter(|name| *name == label).count();
        Ok(Right {
            probe: count(self.probe.predict(&self.scaling.apply(images))),
            knn: count(self.neighbors.predict(images)?),
            images: images.rows(),
        })
    }
}

impl Right {
    /// Both counts as shares; `None` of no images.
    pub fn shares(self) -> Option<(f64, f64)> {
        let images = self.images as f64;
        (self.images > 0).then(|| (self.probe as f64 / images, self.knn as f64 / images))
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self {
            probe: self.probe + other.probe,
            knn: self.knn + other.knn,
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
        let placed = judge.place(&cloud(2)).unwrap();
        assert!(placed.coverage > 0.6 && placed.density > 0.6, "{placed:?}");
        let moved = Points::new(3, cloud(2).values().iter().map(|v| v + 90.0).collect());
        let far = judge.place(&moved).unwrap();
        assert_eq!((far.coverage, far.density), (0.0, 0.0));
        assert!(far.frechet > 100.0 * placed.frechet && far.mmd > placed.mmd);

        let classifiers = judge.train(&cloud(2), labels).unwrap();
        let second = cloud(3).select(&(50..100).collect::<Vec<_>>());
        let right = classifiers.right(&second, 1).unwrap();
        assert_eq!(right, Right { probe: 50, knn: 50, images: 50 });
        let none = classifiers.right(&second, 0).unwrap();
        assert_eq!(right.with(none).shares(), Some((0.5, 0.5)));
        assert_eq!(Right::default().shares(), None);
    }
}
