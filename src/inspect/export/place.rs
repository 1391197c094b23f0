//! The folder that an export goes to: new or empty, or an earlier export of the same run, which the file
//! `.coda-export.json` tells.

use super::error::ExportError;
use crate::store::{Written, file_digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file that tells an export from any other folder. Loaders of images and tables pass over hidden files.
pub(super) const MARKER: &str = ".coda-export.json";

/// What an export was made from, and what it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) version: u32,
    /// The kind of export.
    pub(super) to: String,
    /// Which run's it is.
    pub(super) run: String,
    /// A digest of all that the bytes depend on.
    pub(super) content: String,
    pub(super) files: Vec<Written>,
}

impl Marker {
    pub(super) const VERSION: u32 = 1;
}

/// What lies at the place now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing, or an export to be made anew.
    Free,
    /// The very export that is asked for, whole.
    Current(Vec<Written>),
}

/// The folder under its one true name.
///
/// # Errors
/// If it is no folder, or the one that the command was given in.
pub(super) fn resolve(dir: &Path) -> Result<PathBuf, ExportError> {
    let refuse =
        |problem: &str| ExportError::Place { dir: dir.to_owned(), problem: problem.to_owned() };
    match std::fs::canonicalize(dir) {
        Ok(whole) if !whole.is_dir() => Err(refuse("it is a file: name a folder")),
        Ok(whole) => {
            let here = std::env::current_dir().ok();
            match here.is_some_and(|here| here.starts_with(&whole)) {
                true => Err(refuse(
                    "it is the current folder or above it: name a folder that is not there yet",
                )),
                false => Ok(whole),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::path::absolute(dir).map_err(ExportError::io("find", dir))
        }
        Err(error) => Err(ExportError::io("find", dir)(error)),
    }
}

/// Looks at what is there. With `force`, an earlier export is replaced whatever it is of, and whatever was changed in its
/// files; files that no export wrote are never touched.
///
/// # Errors
/// [`ExportError::Place`] if it is not to be replaced.
pub(super) fn look(dir: &Path, now: &Marker, force: bool) -> Result<Standing, ExportError> {
    let refuse = |problem: String| ExportError::Place { dir: dir.to_owned(), problem };
    let found = files_below(dir)?;
    if found.is_empty() {
        return Ok(Standing::Free);
    }
    let Some(marker) = marker_at(dir)? else {
        let first = found.first().map_or_else(String::new, |file| file.display().to_string());
        return Err(refuse(format!(
            "it is not empty (it has {first}) and no earlier export: name a new or an empty folder"
        )));
    };
    let own: BTreeSet<&Path> = marker.files.iter().map(|file| Path::new(&file.file)).collect();
    let foreign =
        found.iter().find(|file| !own.contains(file.as_path()) && *file != Path::new(MARKER));
    if let Some(foreign) = foreign {
        let foreign = foreign.display();
        return Err(refuse(format!(
            "{foreign} is no file of the earlier export, and would be lost: move it away, or name another folder"
        )));
    }
    if marker.run != now.run && !force {
        let problem =
            "it is the export of another run: name another folder, or replace it with --force";
        return Err(refuse(problem.to_owned()));
    }
    let changed = marker.files.iter().find(|file| !is_as_written(dir, file));
    match changed {
        None if (&marker.content, &marker.to) == (&now.content, &now.to) => {
            Ok(Standing::Current(marker.files))
        }
        // What is missing is made again; what was changed may be somebody's work.
        Some(file) if !force && dir.join(&file.file).exists() => Err(refuse(format!(
            "{} was changed since it was exported: name another folder, or replace it with --force",
            file.file
        ))),
        _ => Ok(Standing::Free),
    }
}

fn is_as_written(dir: &Path, file: &Written) -> bool {
    let found = file_digest(&dir.join(&file.file));
    found.is_ok_and(|(bytes, xxh3)| bytes == file.bytes && xxh3 == file.xxh3)
}

fn marker_at(dir: &Path) -> Result<Option<Marker>, ExportError> {
    let path = dir.join(MARKER);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ExportError::io("read", &path)(error)),
    };
    let marker = serde_json::from_slice::<Marker>(&text).ok();
    Ok(marker.filter(|marker| marker.version == Marker::VERSION))
}

/// All files below `dir`, relative to it, sorted; links are files. Empty folders don't count.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound && folder == dir => break,
            Err(error) => return Err(ExportError::io("list", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(ExportError::io("list", &folder))?;
            match entry.file_type().map_err(ExportError::io("examine", &entry.path()))?.is_dir() {
                true => open.push(entry.path()),
                false => found.extend(entry.path().strip_prefix(dir).map(Path::to_owned)),
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(run: &str, content: &str) -> Marker {
        let (to, run, content) = ("hf".to_owned(), run.to_owned(), content.to_owned());
        Marker { version: Marker::VERSION, to, run, content, files: Vec::new() }
    }

    /// A folder with an export of one file.
    fn exported() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::fs::write(dir.path().join("data/a.png"), "image").unwrap();
        let (bytes, xxh3) = file_digest(&dir.path().join("data/a.png")).unwrap();
        let files = vec![Written { file: "data/a.png".into(), bytes, xxh3 }];
        let made = Marker { files, ..marker("run", "1") };
        std::fs::write(dir.path().join(MARKER), serde_json::to_vec(&made).unwrap()).unwrap();
        dir
    }

    fn problem(dir: &Path, now: &Marker, force: bool) -> String {
        look(dir, now, force).unwrap_err().to_string()
    }

    #[test]
    fn an_earlier_export_is_told_from_all_else() {
        let dir = exported();
        assert!(matches!(look(dir.path(), &marker("run", "1"), false), Ok(Standing::Current(_))));
        assert_eq!(look(dir.path(), &marker("run", "2"), false).unwrap(), Standing::Free);
        assert!(problem(dir.path(), &marker("other", "1"), false).contains("another run"));
        assert_eq!(look(dir.path(), &marker("other", "2"), true).unwrap(), Standing::Free);
        std::fs::remove_file(dir.path().join("data/a.png")).unwrap();
        assert_eq!(look(dir.path(), &marker("run", "1"), false).unwrap(), Standing::Free);
    }

    #[test]
    fn nobodys_work_is_lost() {
        let dir = exported();
        std::fs::write(dir.path().join("data/a.png"), "retouched").unwrap();
        assert!(problem(dir.path(), &marker("run", "2"), false).contains("data/a.png was changed"));
        assert_eq!(look(dir.path(), &marker("run", "2"), true).unwrap(), Standing::Free);
        std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        for force in [false, true] {
            assert!(problem(dir.path(), &marker("run", "2"), force).contains("notes.txt"));
        }
        std::fs::remove_file(dir.path().join(MARKER)).unwrap();
        for force in [false, true] {
            assert!(problem(dir.path(), &marker("run", "1"), force).contains("not empty"));
        }
        let empty = tempfile::tempdir().unwrap();
        std::fs::create_dir(empty.path().join("data")).unwrap();
        assert_eq!(look(empty.path(), &marker("run", "1"), false).unwrap(), Standing::Free);
        assert_eq!(
            look(&empty.path().join("new"), &marker("run", "1"), false).unwrap(),
            Standing::Free
        );
    }

    #[test]
    fn a_file_and_the_current_folder_are_no_places() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "").unwrap();
        assert!(resolve(&dir.path().join("f")).unwrap_err().to_string().contains("it is a file"));
        assert!(resolve(Path::new(".")).unwrap_err().to_string().contains("current folder"));
        assert!(resolve(&dir.path().join("new/deep")).unwrap().is_absolute());
    }
}
