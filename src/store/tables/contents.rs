//! What files of encoded images hold, as their receipts say it: most of what later stages ask of a file is told by this
//! alone.

use super::latent_format::{LatentFormat, LatentType, PartFormat};
use super::latents::LatentRow;
use crate::store::Contents;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A class key that stays in the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The images of a part by class, and what their numbers look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartContents<'a> {
    /// Class keys and their numbers of images, in the order of the rows.
    #[serde(borrow)]
    pub classes: Vec<(Key<'a>, usize)>,
    dtype: LatentType,
    shape: [usize; 3],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feature: Option<usize>,
}

/// The images of a class-major file by class, and what their numbers look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassMajorContents {
    /// Class keys, their numbers of images and the digest of all that is stored of them, in the order of the rows.
    pub classes: Vec<(String, usize, String)>,
    dtype: LatentType,
    shape: [usize; 3],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feature: Option<usize>,
}

/// Where each class stands in a file, by its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContents {
    /// Class keys and their numbers of images, in the order of the rows.
    pub classes: Vec<(String, usize)>,
    /// What the images' numbers look like.
    pub format: PartFormat,
}

impl<'a> PartContents<'a> {
    /// Of a part with these rows, sorted by class.
    pub fn new(format: PartFormat, rows: &'a [LatentRow]) -> Self {
        let runs = rows.chunk_by(|a, b| a.class == b.class);
        let classes = runs.map(|run| (Key(Cow::Borrowed(&run[0].class)), run.len())).collect();
        let PartFormat { latent: LatentFormat { dtype, shape }, feature } = format;
        Self { classes, dtype, shape, feature }
    }

    /// What a receipt says of its part; `None` where it says nothing, or nothing that can be.
    pub fn from_receipt(contents: &'a Contents) -> Option<Self> {
        contents.parse::<Self>().filter(|contents| contents.format().is_possible())
    }

    /// What its images' numbers look like.
    pub fn format(&self) -> PartFormat {
        format_of(self.dtype, self.shape, self.feature)
    }

    /// The same in memory of its own.
    pub fn to_file_contents(&self) -> FileContents {
        let classes = self.classes.iter().map(|(key, rows)| (key.0.to_string(), *rows)).collect();
        FileContents { classes, format: self.format() }
    }
}

impl ClassMajorContents {
    /// Of a file with these classes.
    pub fn new(format: PartFormat, classes: Vec<(String, usize, String)>) -> Self {
        let PartFormat { latent: LatentFormat { dtype, shape }, feature } = format;
        Self { classes, dtype, shape, feature }
    }

    /// What a receipt says of its file; `None` where it says nothing, or nothing that can be.
    pub fn from_receipt(contents: &Contents) -> Option<Self> {
        contents.parse::<Self>().filter(|contents| contents.format().is_possible())
    }

    /// What its images' numbers look like.
    pub fn format(&self) -> PartFormat {
        format_of(self.dtype, self.shape, self.feature)
    }

    /// Where each class stands.
    pub fn to_file_contents(&self) -> FileContents {
        let classes = self.classes.iter().map(|(key, rows, _)| (key.clone(), *rows)).collect();
        FileContents { classes, format: self.format() }
    }
}

fn format_of(dtype: LatentType, shape: [usize; 3], feature: Option<usize>) -> PartFormat {
    PartFormat { latent: LatentFormat { dtype, shape }, feature }
}
