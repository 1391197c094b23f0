//! The sets of images that are measured.

/// A set to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageSet {
    Distilled,
    Cores,
    /// As many random real images of each class, by this seed.
    Random(u64),
    /// All real images, or as many of them as a classifier is trained on at most.
    Whole,
}

impl ImageSet {
    /// The name of its file.
    pub(crate) fn file(self) -> String {
        match self {
            ImageSet::Distilled => "distilled".into(),
            ImageSet::Cores => "cores".into(),
            ImageSet::Random(seed) => format!("random-{seed}"),
            ImageSet::Whole => "whole".into(),
        }
    }
}
