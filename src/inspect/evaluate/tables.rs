//! The features of the sets that are measured, and of the real images they are compared with.

use super::features::FeatureTable;
use super::image_set::ImageSet;
use crate::config::ClassList;
use crate::pipeline::error::StageError;
use crate::quality::{Points, draw, shares};

/// Real images that sets are compared with, at most (and what rounding up adds in each class): coverage looks at every pair of them.
pub(crate) const REFERENCE: usize = 10_000;
/// Real images that a classifier of the whole data is trained on, at most (and what rounding up adds in each class): their
/// features are in memory together.
pub(crate) const WHOLE: usize = 50_000;
/// Keep the draws of those apart from the random sets'.
const REFERENCE_DRAW: u64 = 1 << 32;
const WHOLE_DRAW: u64 = 2 << 32;

/// Features of all that is compared.
pub(crate) struct Tables {
    pub(crate) held_out: FeatureTable,
    pub(crate) distilled: FeatureTable,
    pub(crate) cores: FeatureTable,
    pub(crate) training: FeatureTable,
    pub(crate) classes: ClassList,
}

impl Tables {
    /// Distilled images of each class.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let classes = self.classes.classes().iter();
        classes.map(|class| self.distilled.count(&class.key)).collect()
    }

    /// Real images of each class.
    fn real_counts(&self) -> Vec<usize> {
        let classes = self.classes.classes().iter();
        classes.map(|class| self.training.count(&class.key)).collect()
    }

    /// The features of a set and each image's class.
    pub(crate) fn set(&self, set: ImageSet) -> Result<(Points, Vec<usize>), StageError> {
        let whole = shares(&self.real_counts(), WHOLE);
        let (mut points, mut labels) = (Points::default(), Vec::new());
        for (label, class) in self.classes.classes().iter().enumerate() {
            let own = match set {
                ImageSet::Distilled => self.distilled.all(&class.key)?,
                ImageSet::Cores => self.cores.all(&class.key)?,
                ImageSet::Random(seed) => {
                    let (images, of) =
                        (self.distilled.count(&class.key), self.training.count(&class.key));
                    self.training.rows(&class.key, &draw(images, of, seed, label as u64))?
                }
                ImageSet::Whole => {
                    let of = self.training.count(&class.key);
                    let rows = draw(whole[label], of, 0, WHOLE_DRAW + label as u64);
                    self.training.rows(&class.key, &rows)?
                }
            };
            labels.extend(std::iter::repeat_n(label, own.rows()));
            if own.rows() > 0 {
                points.extend(&own);
            }
        }
        Ok((points, labels))
    }

    /// The real images that sets are compared with.
    pub(crate) fn reference(&self) -> Result<Points, StageError> {
        let classes = self.classes.classes();
        let counts = self.real_counts();
        let mut points = Points::default();
        for (label, (class, share)) in classes.iter().zip(shares(&counts, REFERENCE)).enumerate() {
            let rows = draw(share, counts[label], 0, REFERENCE_DRAW + label as u64);
            if !rows.is_empty() {
                points.extend(&self.training.rows(&class.key, &rows)?);
            }
        }
        if points.rows() < 2 {
            let message =
                "the run's data has fewer than two images: there is nothing to compare with";
            return Err(StageError::Other(message.into()));
        }
        Ok(points)
    }
}
