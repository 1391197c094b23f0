//! Which files to pack, and their classes: a folder a class, or a table.

use super::error::PackError;
use super::folder::image_folder;
use super::key::class_key;
use super::passed_over::LeftOut;
use super::table::table_rows;
use rayon::prelude::*;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of files that are taken for images in folders, in lower case; others of the same kind (`jpeg`, `jfif`, `tif`…)
/// count as these.
pub const IMAGE_EXTENSIONS: [&str; 6] = ["jpg", "png", "webp", "bmp", "gif", "tiff"];

/// A file to pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its class key.
    pub class: String,
    /// Its state when it was listed; nothing where it can't be looked at.
    pub stamp: Option<Stamp>,
}

/// What tells that a file's content is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: i128,
}

/// What is to be packed, and what isn't.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub entries: Vec<Entry>,
    /// What was passed over.
    pub left_out: LeftOut,
}

impl Entry {
    /// A file that was not looked at yet.
    pub fn new(path: impl Into<PathBuf>, class: impl Into<String>) -> Self {
        Self { path: path.into(), class: class.into(), stamp: None }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let about = fs::metadata(path).ok()?;
        let modified = i128::from(about.mtime()) * 1_000_000_000 + i128::from(about.mtime_nsec());
        Some(Self { bytes: about.len(), modified })
    }
}

/// The files of `source`: an image folder (`CLASS/**/IMAGE`, as ImageNet and Places365 come), sorted by path, or a CSV,
/// TSV, JSON Lines or Parquet table with columns such as `path` and `class`, in its order, whose relative paths start at
/// its own folder.
///
/// # Errors
/// [`PackError::List`] for a folder without classes or images, a table without these columns, a row
/// without a value; [`PackError::Io`].
pub fn list_entries(source: &Path) -> Result<Listing, PackError> {
    let mut listing = if source.is_dir() {
        image_folder(source)?
    } else {
        let base = source.parent().unwrap_or(Path::new(""));
        let rows = table_rows(source)?.into_iter();
        let entry = |(path, class): (String, String)| {
            Entry::new(base.join(path), class_key(OsStr::new(&class)))
        };
        once_each(rows.map(entry).collect())
    };
    if listing.entries.is_empty() {
        let mut problem = "no image is in it".to_owned();
        let said = listing.left_out.lines();
        if !said.is_empty() {
            problem += &format!(" ({})", said.join("; "));
        }
        problem += ": give a folder with a folder a class, or a table";
        return Err(PackError::list(source, problem));
    }
    // In parallel: on a network file system each takes a while.
    listing.entries.par_iter_mut().for_each(|entry| entry.stamp = Stamp::of(&entry.path));
    Ok(listing)
}

/// A table's rows without those that stand there twice.
fn once_each(rows: Vec<Entry>) -> Listing {
    let mut listing = Listing::default();
    let mut classes: HashMap<PathBuf, Vec<String>> = HashMap::with_capacity(rows.len());
    let mut several = Vec::new();
    for entry in rows {
        let known = classes.entry(entry.path.clone()).or_default();
        if known.contains(&entry.class) {
            listing.left_out.repeated.push(super::key::shown(&entry.path));
            continue;
        }
        known.push(entry.class.clone());
        if known.len() == 2 {
            several.push(format!("{} ({})", super::key::shown(&entry.path), known.join(", ")));
        }
        listing.entries.push(entry);
    }
    if !several.is_empty() {
        let (count, named) = (several.len(), super::passed_over::some(&several));
        let remark =
            format!("{count} files stand under more than one class, packed for each: {named}");
        listing.left_out.remarks.push(remark);
    }
    listing
}
