//! The files of a model.

use super::error::StageError;
use crate::models::ModelPaths;
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

/// Paths and lengths of files by where they would lie if all components were in the model's own folder, in the order of
/// the digest.
type FileLengths = BTreeMap<PathBuf, (PathBuf, u64)>;

/// A file or folder: where it would lie, and where it does.
#[derive(Clone)]
struct Place {
    counts_as: PathBuf,
    path: PathBuf,
}

impl Place {
    fn at(path: &Path) -> Self {
        Self { counts_as: path.to_path_buf(), path: path.to_path_buf() }
    }

    fn join(&self, name: impl AsRef<Path>) -> Self {
        let name = name.as_ref();
        Self { counts_as: self.counts_as.join(name), path: self.path.join(name) }
    }
}

/// All files of `parts` (files or subfolders of `model`), below them, and those that graphs among them refer to.
pub(crate) fn part_files(model: &ModelPaths, parts: &[&str]) -> Result<Vec<InputFile>, StageError> {
    let mut found = FileLengths::new();
    for part in parts {
        let place = Place { counts_as: model.root().join(part), path: model.file(part) };
        // A part that a model lacks (a second text encoder, say) is no input; what must be there, loading checks.
        match file_length(&place.path)? {
            Some(bytes) => drop(found.insert(place.counts_as, (place.path, bytes))),
            None => list(&place, &mut BTreeSet::new(), &mut found)?,
        }
    }
    let is_graph = |path: &Path| path.extension().is_some_and(|ending| ending == "onnx");
    let graphs = found.iter().filter(|(counts_as, _)| is_graph(counts_as));
    let graphs: Vec<Place> = graphs
        .map(|(counts_as, (path, _))| Place { counts_as: counts_as.clone(), path: path.clone() })
        .collect();
    for graph in graphs {
        add_external(&graph, &mut found)?;
    }
    Ok(named(found, model.root()))
}

/// A graph, its weights beside it by the usual names, and all that it refers to.
pub(crate) fn graph_files(graph: &Path) -> Result<Vec<InputFile>, StageError> {
    let mut found = FileLengths::new();
    for ending in ["", "_data", ".data"] {
        let mut path = graph.as_os_str().to_owned();
        path.push(ending);
        if let Some(bytes) = file_length(Path::new(&path))? {
            found.insert(path.clone().into(), (path.into(), bytes));
        }
    }
    if found.contains_key(graph) {
        add_external(&Place::at(graph), &mut found)?;
    }
    Ok(named(found, graph.parent().unwrap_or(Path::new(""))))
}

fn named(found: FileLengths, folder: &Path) -> Vec<InputFile> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).as_os_str().to_owned();
    let file = |(counts_as, (path, bytes)): (PathBuf, _)| InputFile {
        name: name(&counts_as),
        path,
        bytes,
    };
    found.into_iter().map(file).collect()
}

/// Adds what a graph refers to. A graph that can't be followed can't be loaded either: what it names up to there counts.
fn add_external(graph: &Place, found: &mut FileLengths) -> Result<(), StageError> {
    let external = ExternalData::of(&graph.path).map_err(StoreError::io("read", &graph.path))?;
    let counted = external.paths(&graph.counts_as);
    for ((counts_as, _), (path, _)) in counted.zip(external.paths(&graph.path)) {
        if let Some(bytes) = file_length(&path)? {
            found.insert(counts_as, (path, bytes));
        }
    }
    Ok(())
}

/// Adds the files in `folder` and below it; hidden folders are a program's own. `above`: the folders that lead to it, for
/// links can go round.
fn list(
    folder: &Place,
    above: &mut BTreeSet<PathBuf>,
    found: &mut FileLengths,
) -> Result<(), StageError> {
    let path = folder.path.as_path();
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(StoreError::io("list", path)(e).into()),
    };
    let own = path.canonicalize().map_err(StoreError::io("examine", path))?;
    if !above.insert(own.clone()) {
        return Ok(());
    }
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", path))?;
        let (name, place) = (entry.file_name(), folder.join(entry.file_name()));
        let hidden = name.as_encoded_bytes().starts_with(b".");
        match file_length(&place.path)? {
            Some(bytes) => drop(found.insert(place.counts_as, (place.path, bytes))),
            None if !hidden && place.path.is_dir() => list(&place, above, found)?,
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
