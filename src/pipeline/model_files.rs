//! The files of a model.

use super::error::StageError;
use crate::onnx::ExternalData;
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that a digest covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// The path below the model folder, or the whole path of a file elsewhere.
    pub(crate) name: OsString,
    /// The path.
    pub(crate) path: PathBuf,
    /// The length.
    pub(crate) bytes: u64,
}

/// File lengths by path, in the order of the digest.
type FileLengths = BTreeMap<PathBuf, u64>;

/// All files of `parts` (files or subfolders of `folder`), below them, and those that graphs among them refer to.
pub(crate) fn part_files(folder: &Path, parts: &[&str]) -> Result<Vec<InputFile>, StageError> {
    let mut found = FileLengths::new();
    for part in parts {
        let path = folder.join(part);
        // A part that a model lacks (a second text encoder, say) is no input; what must be there, loading checks.
        match file_length(&path)? {
            Some(bytes) => drop(found.insert(path, bytes)),
            None => list(&path, &mut BTreeSet::new(), &mut found)?,
        }
    }
    let is_graph = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "onnx");
    let graphs: Vec<PathBuf> = found.keys().filter(is_graph).cloned().collect();
    for graph in graphs {
        add_external(&graph, &mut found)?;
    }
    Ok(named(found, folder))
}

/// A graph, its weights beside it by the usual names, and all that it refers to.
pub(crate) fn graph_files(graph: &Path) -> Result<Vec<InputFile>, StageError> {
    let mut found = FileLengths::new();
    for ending in ["", "_data", ".data"] {
        let mut path = graph.as_os_str().to_owned();
        path.push(ending);
        if let Some(bytes) = file_length(Path::new(&path))? {
            found.insert(path.into(), bytes);
        }
    }
    if found.contains_key(graph) {
        add_external(graph, &mut found)?;
    }
    Ok(named(found, graph.parent().unwrap_or(Path::new(""))))
}

fn named(found: FileLengths, folder: &Path) -> Vec<InputFile> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).as_os_str().to_owned();
    found.into_iter().map(|(path, bytes)| InputFile { name: name(&path), path, bytes }).collect()
}

/// Adds what a graph refers to. A graph that can't be followed can't be loaded either: what it names up to there counts.
fn add_external(graph: &Path, found: &mut FileLengths) -> Result<(), StageError> {
    let external = ExternalData::of(graph).map_err(StoreError::io("read", graph))?;
    for (path, _) in external.paths(graph) {
        if let Some(bytes) = file_length(&path)? {
            found.insert(path, bytes);
        }
    }
    Ok(())
}

/// Adds the files in `folder` and below it; hidden folders are a program's own. `above`: the folders that lead to it, for
/// links can go round.
fn list(
    folder: &Path,
    above: &mut BTreeSet<PathBuf>,
    found: &mut FileLengths,
) -> Result<(), StageError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(StoreError::io("list", folder)(e).into()),
    };
    let own = folder.canonicalize().map_err(StoreError::io("examine", folder))?;
    if !above.insert(own.clone()) {
        return Ok(());
    }
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let (path, hidden) = (entry.path(), entry.file_name().as_encoded_bytes().starts_with(b"."));
        match file_length(&path)? {
            Some(bytes) => drop(found.insert(path, bytes)),
            None if !hidden && path.is_dir() => list(&path, above, found)?,
            None => {}
        }
    }
    above.remove(&own);
    Ok(())
}

/// The length of a file; `None` where there is none, or something else.
fn file_length(path: &Path) -> Result<Option<u64>, StageError> {
    match std::fs::metadata(path) {
        Ok(about) => Ok(about.is_file().then_some(about.len())),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(StoreError::io("examine", path)(e).into()),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
