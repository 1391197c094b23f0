//! What can go wrong with a text-to-image model.

use std::path::{Path, PathBuf};

use crate::onnx::OnnxError;

/// Why a text-to-image model can't be read or can't make an image.
#[derive(Debug, thiserror::Error)]
pub enum DiffusionError {
    /// A file that a model folder must have.
    #[error("{} is missing: expected {expected}", path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },

    /// What was named as a model's folder and is none.
    #[error("{}: {reason}", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
        /// What is there, and what to do.
        reason: String,
    },

    /// A file that a version-control system left as a pointer to its content.
    #[error("{} is a Git LFS pointer, not the model itself: run `git lfs pull` in that folder",
            path.display())]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },

    /// A configuration file that can't be read or understood.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A file that is there and can't be read just now.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A tokenizer that can't be built or can't encode a text.
    #[error("tokenizer in {}: {reason}", path.display())]
    Tokenizer {
        /// The tokenizer's folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A graph that opens but isn't the part of a model it should be.
    #[error("{}: {reason}", path.display())]
    WrongGraph {
        /// The `model.onnx`.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },

    /// NaN or infinity in a graph's output.
    #[error("{}: non-finite values {at}; half-precision exports overflow here: \
             export this part in float32", path.display())]
    NonFinite {
        /// The `model.onnx`.
        path: PathBuf,
        /// Where: the step and timestep, or the image.
        at: String,
        /// Positions in the batch of the images that it happened to; empty where it isn't one image's.
        images: Vec<usize>,
    },

    /// A sampling setting that makes no sense.
    #[error("{name}: {reason}")]
    Setting {
        /// The setting or argument.
        name: &'static str,
        /// Why it can't be.
        reason: String,
    },

    /// An image that can't be encoded as a PNG.
    #[error("the image can't be written as a PNG: {reason}")]
    Png {
        /// What is wrong with it.
        reason: String,
    },

    /// Opening or running a graph failed.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}

impl DiffusionError {
    /// The fault `reason` of the tokenizer in `folder`.
    pub(super) fn tokenizer(folder: &Path, reason: String) -> Self {
        Self::Tokenizer { path: folder.to_path_buf(), reason }
    }

    /// The fault `reason` of the setting or argument `name`.
    pub(super) fn setting(name: &'static str, reason: String) -> Self {
        Self::Setting { name, reason }
    }

    /// The same error with positions among all jobs: the group began at `start`, and what lies beyond its `length` is
    /// padding, copies of its last job.
    pub(super) fn of_group(mut self, start: usize, length: usize) -> Self {
        if let Self::NonFinite { images, .. } = &mut self {
            images.iter_mut().for_each(|image| *image = start + (*image).min(length - 1));
            images.dedup();
        }
        self
    }

    /// Positions among the jobs of the images that came to nothing, if only some images did; the others can be made without
    /// them.
    pub fn images(&self) -> Option<&[usize]> {
        match self {
            Self::NonFinite { images, .. } if !images.is_empty() => Some(images),
            _ => None,
        }
    }
}
