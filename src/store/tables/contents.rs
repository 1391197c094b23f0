//! What a part holds, as its receipt says it: most of what later stages ask of a part is told by this alone.

use super::latent_format::{LatentFormat, LatentType, PartFormat};
use super::latents::LatentRow;
use serde::{Deserialize, Serialize};

/// The images of a part by class, and what their numbers look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartContents {
    /// Class keys and their numbers of images, in the order of the rows.
    pub classes: Vec<(String, usize)>,
    dtype: LatentType,
    shape: [usize; 3],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feature: Option<usize>,
}

impl PartContents {
    /// Of a part with these rows, sorted by class.
    pub fn new(format: PartFormat, rows: &[LatentRow]) -> Self {
        let runs = rows.chunk_by(|a, b| a.class == b.class);
        Self {
            classes: runs.map(|run| (run[0].class.clone(), run.len())).collect(),
            dtype: format.latent.dtype,
            shape: format.latent.shape,
            feature: format.feature,
        }
    }

    /// What a receipt says of its part; `None` where it says nothing, or nothing that can be.
    pub fn from_receipt(contents: &serde_json::Value) -> Option<Self> {
        let contents = Self::deserialize(contents).ok()?;
        contents.format().is_possible().then_some(contents)
    }

    /// What its images' numbers look like.
    pub fn format(&self) -> PartFormat {
        let latent = LatentFormat { dtype: self.dtype, shape: self.shape };
        PartFormat { latent, feature: self.feature }
    }
}
