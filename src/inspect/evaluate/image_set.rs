//! The sets of images that are measured.

/// A set to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageSet {
    Distilled,
    Cores,
    /// As many random real images of each class, by this seed.
    Random(u64),
}

impl ImageSet {
    /// The name of its file.
    pub(crate) fn file(self) -> String {
        match self {
            ImageSet::Distilled => "distilled".into(),
            ImageSet::Cores => "cores".into(),
            ImageSet::Random(seed) => format!("random-{seed}"),
        }
    }
}
