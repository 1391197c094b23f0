//! Which files to pack, and their classes: a folder a class, or a table.

use super::error::PackError;
use super::key::extension;
use crate::store::tables::read_all;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of files that are taken for images in folders, in lower case.
pub const IMAGE_EXTENSIONS: [&str; 9] =
    ["jpg", "jpeg", "jpe", "png", "webp", "bmp", "gif", "tif", "tiff"];

/// Names of the two columns of a table, each by preference.
const COLUMNS: [&[&str]; 2] =
    [&["path", "file", "filename", "image"], &["class", "label", "wnid", "category"]];

/// A file to pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its class key.
    pub class: String,
}

/// The files of `source`, sorted by path: an image folder (`CLASS/**/IMAGE`, as ImageNet and
/// Places365 come), or a CSV or Parquet table with columns such as `path` and `class`, whose
/// relative paths start at its own folder.
///
/// # Errors
/// [`PackError::List`] for a folder without classes or images, a table without these columns, a row
/// without a value; [`PackError::Io`].
pub fn list_entries(source: &Path) -> Result<Vec<Entry>, PackError> {
    let mut entries = if source.is_dir() {
        image_folder(source)?
    } else {
        let table = match source.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => parquet_rows(source)?,
            _ => csv_rows(source)?,
        };
        let base = source.parent().unwrap_or(Path::new(""));
        table.into_iter().map(|(path, class)| Entry { path: base.join(path), class }).collect()
    };
    if entries.is_empty() {
        let problem = "no image is in it: give a folder with a folder a class, or a table";
        return Err(PackError::list(source, problem));
    }
    entries.sort();
    Ok(entries)
}

fn image_folder(root: &Path) -> Result<Vec<Entry>, PackError> {
    let mut entries = Vec::new();
    for path in children(root)? {
        if path.is_dir() {
            let class = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            collect(&path, &class, &mut entries)?;
        } else if is_image(&path) {
            let problem = format!(
                "{} lies in no class's folder: write a table with columns path and class instead",
                path.display()
            );
            return Err(PackError::list(root, problem));
        }
    }
    Ok(entries)
}

fn collect(folder: &Path, class: &str, entries: &mut Vec<Entry>) -> Result<(), PackError> {
    for path in children(folder)? {
        // Links to folders could go round in circles.
        if path.is_dir() && !path.is_symlink() {
            collect(&path, class, entries)?;
        } else if is_image(&path) {
            entries.push(Entry { path, class: class.to_owned() });
        }
    }
    Ok(())
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, PackError> {
    let entries = fs::read_dir(folder).map_err(PackError::io("list", folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(PackError::io("list", folder))?;
    let hidden = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    Ok(paths.into_iter().filter(|path| !hidden(path)).collect())
}

fn is_image(path: &Path) -> bool {
    extension(path).is_some_and(|extension| IMAGE_EXTENSIONS.contains(&extension.as_str()))
}

fn csv_rows(path: &Path) -> Result<Vec<(String, String)>, PackError> {
    let broken = |error: csv::Error| PackError::list(path, format!("not a CSV table: {error}"));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if path.extension().is_some_and(|e| e == "tsv") { b'\t' } else { b',' })
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(broken)?;
    let names: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(str::to_lowercase).collect();
    let [file, class] = columns(path, &names)?;
    let mut rows = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(broken)?;
        let value = |column: usize| record.get(column).filter(|value| !value.is_empty());
        let (Some(file), Some(class)) = (value(file), value(class)) else {
            // The first row is the second line.
            let problem = format!("line {} lacks a path or a class", number + 2);
            return Err(PackError::list(path, problem));
        };
        rows.push((file.to_owned(), class.to_owned()));
    }
    Ok(rows)
}

fn parquet_rows(path: &Path) -> Result<Vec<(String, String)>, PackError> {
    let table = read_all(path)?;
    let names: Vec<String> =
        table.schema().fields().iter().map(|field| field.name().to_lowercase()).collect();
    let broken = |error: arrow::error::ArrowError| PackError::list(path, error.to_string());
    let options = FormatOptions::default();
    let [file, class] = columns(path, &names)?
        .map(|column| ArrayFormatter::try_new(table.column(column), &options).map_err(broken));
    let (file, class) = (file?, class?);
    let mut rows = Vec::with_capacity(table.num_rows());
    for row in 0..table.num_rows() {
        let (file, class) = (file.value(row).to_string(), class.value(row).to_string());
        if file.is_empty() || class.is_empty() {
            return Err(PackError::list(path, format!("row {row} lacks a path or a class")));
        }
        rows.push((file, class));
    }
    Ok(rows)
}

fn columns(path: &Path, names: &[String]) -> Result<[usize; 2], PackError> {
    let find = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| names.iter().position(|name| name == wanted)).ok_or_else(
            || {
                let problem = format!(
                    "no column {}: its first line names {}",
                    wanted.join(", "),
                    names.join(", ")
                );
                PackError::list(path, problem)
            },
        )
    };
    Ok([find(COLUMNS[0])?, find(COLUMNS[1])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }

    #[test]
    fn a_folder_a_class_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        put(
            dir.path(),
            &["b/2.JPEG", "b/deep/1.png", "a/1.jpg", "a/notes.txt", ".git/x.png", "README"],
        );
        let entries = list_entries(dir.path()).unwrap();
        let found: Vec<(&str, &str)> = entries
            .iter()
            .map(|e| (e.path.strip_prefix(dir.path()).unwrap().to_str().unwrap(), e.class.as_str()))
            .collect();
        assert_eq!(found, [("a/1.jpg", "a"), ("b/2.JPEG", "b"), ("b/deep/1.png", "b")]);
        put(dir.path(), &["loose.png"]);
        assert!(list_entries(dir.path()).unwrap_err().to_string().contains("loose.png lies in no"));
    }

    #[test]
    fn tables_are_read_by_their_columns_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.csv");
        fs::write(&path, "Label, id, Path\n# a comment\nx, 1, b.png\n\"a, b\",2,sub/a.png\n")
            .unwrap();
        let entries = list_entries(&path).unwrap();
        assert_eq!(entries[1], Entry { path: dir.path().join("sub/a.png"), class: "a, b".into() });
        fs::write(&path, "path,class\na.png,\n").unwrap();
        assert!(list_entries(&path).unwrap_err().to_string().contains("line 2 lacks"));
        fs::write(&path, "a.png,x\n").unwrap();
        let error = list_entries(&path).unwrap_err().to_string();
        assert!(error.contains("no column path, file"), "{error}");
        fs::write(&path, "path,class\n").unwrap();
        assert!(list_entries(&path).unwrap_err().to_string().contains("no image is in it"));
    }
}
