//! A table in several Parquet files, as other programs write them into a folder.

use super::{Array, ArrayError, parquet};
use std::path::{Path, PathBuf};

/// The rows of all Parquet files of `folder`, file after file by name.
pub(super) fn read(folder: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    let mut whole: Option<(PathBuf, Array)> = None;
    for path in parts(folder)? {
        let part = parquet::read(&path, name)?;
        // Spark leaves parts without rows.
        let Some((first, whole)) = whole.as_mut().filter(|(_, whole)| whole.rows() > 0) else {
            whole = Some((path, part));
            continue;
        };
        if part.rows() == 0 {
            continue;
        }
        if whole.shape[1..] != part.shape[1..] {
            let (ours, theirs) = (&part.shape[1..], &whole.shape[1..]);
            let reason = format!("its rows are {ours:?}, those of {} {theirs:?}", first.display());
            return Err(ArrayError::content(&path, reason));
        }
        whole.shape[0] += part.shape[0];
        whole.values.extend(part.values);
    }
    whole.map(|(_, array)| array).ok_or_else(|| {
        ArrayError::content(folder, "a folder without Parquet files in it: name a file")
    })
}

/// Its Parquet files. Hidden ones, and those that begin with `_`, are notes of the program that wrote it.
fn parts(folder: &Path) -> Result<Vec<PathBuf>, ArrayError> {
    let entries = std::fs::read_dir(folder).map_err(ArrayError::io("list", folder))?;
    let mut parts = Vec::new();
    for entry in entries {
        let path = entry.map_err(ArrayError::io("list", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            let reason =
                format!("it holds the folder {name}: name the folder whose files are meant");
            return Err(ArrayError::content(folder, reason));
        }
        if path.extension().is_some_and(|ending| ending == "parquet" || ending == "pq") {
            parts.push(path);
        }
    }
    parts.sort();
    Ok(parts)
}
