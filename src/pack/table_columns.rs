//! Which columns of a table name files and classes.

use super::error::PackError;
use std::path::Path;

/// Names of the two columns of a table, each by preference.
const COLUMNS: [&[&str]; 2] = [
    &[
        "path",
        "file",
        "file_name",
        "filename",
        "filepath",
        "file_path",
        "image_path",
        "img_path",
        "image_file",
        "image",
        "img",
    ],
    &["class", "label", "wnid", "category", "class_name", "label_name"],
];

/// Where the file and where the class stands among columns of these names, which are in lower case.
pub(super) fn columns(
    path: &Path,
    names: &[String],
    where_: &str,
) -> Result<[usize; 2], PackError> {
    let find = |wanted: &[&str]| {
        let found = wanted.iter().find_map(|wanted| names.iter().position(|name| name == wanted));
        found.ok_or_else(|| {
            let problem = format!("no column {}: {where_} {}", wanted.join(", "), names.join(", "));
            PackError::list(path, problem)
        })
    };
    Ok([find(COLUMNS[0])?, find(COLUMNS[1])?])
}
