//! Folders of images with one folder a class: which files are of which class, and what they are called as samples.

mod distinct;
mod error;
mod key;
mod listing;
mod read;
mod skipped_files;
mod traversal;

pub(crate) use distinct::distinct_keys;
pub use error::FolderError;
pub(crate) use key::{class_key, extension, prompt_of, sample_key, shown};
pub(crate) use listing::{Entry, Listing, Stamp};
pub(crate) use read::read;
pub(crate) use skipped_files::{SkippedFiles, some};

use rayon::prelude::*;
use std::ffi::OsStr;
use std::path::Path;

/// The images below `root` by class folder, sorted by path, with the state of every file.
///
/// # Errors
/// For a folder without classes or images, with images beside the class folders, or that can't be read.
pub(crate) fn list_folder(root: &Path) -> Result<Listing, FolderError> {
    traversal::list_all(root)?.looked_at(root)
}

/// As [`list_folder`]; `None` where no image is in it.
///
/// # Errors
/// As there.
pub(super) fn list_any(root: &Path) -> Result<Option<Listing>, FolderError> {
    let found = traversal::list_all(root)?;
    if found.entries.is_empty() { Ok(None) } else { found.looked_at(root).map(Some) }
}

/// The images of the class folder `class` in `root`, as [`list_folder`] has them.
///
/// # Errors
/// If it can't be listed.
pub(super) fn list_class(root: &Path, class: &OsStr) -> Result<Vec<Entry>, FolderError> {
    let mut entries = traversal::list_class(root, class)?;
    entries.par_iter_mut().for_each(|entry| entry.stamp = Stamp::of(&entry.path));
    Ok(entries)
}
