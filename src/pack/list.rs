//! Lists the files to pack and their classes, from a folder or a table.

use super::error::PackError;
use super::table::table_rows;
use crate::shards::image_folder::{Entry, Listing, class_key, list_folder, shown, some};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The files of `source`: an image folder (`CLASS/**/IMAGE`, as ImageNet and Places365 come), sorted by path, or a CSV,
/// TSV, JSON Lines or Parquet table with columns such as `path` and `class`, in its order, whose relative paths start at
/// its own folder.
///
/// # Errors
/// [`PackError::Folder`] for a folder without classes or images, a table without these columns, a row
/// without a value, and what can't be read.
pub fn list_entries(source: &Path) -> Result<Listing, PackError> {
    if source.is_dir() {
        return Ok(list_folder(source)?);
    }
    let base = source.parent().unwrap_or(Path::new(""));
    let rows = table_rows(source)?.into_iter();
    let entry = |(path, class): (String, String)| {
        Entry::new(base.join(path), class_key(OsStr::new(&class)))
    };
    Ok(once_each(rows.map(entry).collect()).looked_at(source)?)
}

/// The rows of a table without repeated ones.
fn once_each(rows: Vec<Entry>) -> Listing {
    let mut listing = Listing::default();
    let mut classes: HashMap<PathBuf, Vec<String>> = HashMap::with_capacity(rows.len());
    let mut several = Vec::new();
    for entry in rows {
        let known = classes.entry(entry.path.clone()).or_default();
        if known.contains(&entry.class) {
            listing.skipped.repeated.push(shown(&entry.path));
            continue;
        }
        known.push(entry.class.clone());
        if known.len() == 2 {
            several.push(format!("{} ({})", shown(&entry.path), known.join(", ")));
        }
        listing.entries.push(entry);
    }
    if !several.is_empty() {
        let (count, named) = (several.len(), some(&several));
        let remark = format!(
            "{count} files are in more than one class and are packed for each class: {named}"
        );
        listing.skipped.remarks.push(remark);
    }
    listing
}
