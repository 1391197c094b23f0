//! Files of a model on their way from a repository, those that its graphs name included.

use super::To;
use super::wanted::{GRAPH, below, inside};
use crate::hub::{HubAddress, HubError, RepoFile, Repository};
use crate::onnx::ExternalData;
use std::path::Path;

/// Whether the file is a graph.
pub(super) fn is_graph(file: &RepoFile) -> bool {
    file.path.ends_with(GRAPH)
}

/// Fetches `files`, and the weights that graphs among them keep in other files. Returns all of them.
pub(super) fn fetch_all<'r>(
    repository: &'r Repository,
    address: &HubAddress,
    mut files: Vec<&'r RepoFile>,
    to: Option<To<'_>>,
) -> Result<Vec<&'r RepoFile>, HubError> {
    let fetch = |files: &[&RepoFile]| match to {
        None => repository.fetch(files, false),
        Some(To::Checked) => repository.fetch(files, true),
        Some(To::Folder(folder)) => repository.fetch_to(folder, files),
    };
    let folder = match to {
        Some(To::Folder(folder)) => folder.to_owned(),
        _ => repository.place(),
    };
    fetch(&files)?;
    let mut data = Vec::new();
    for graph in files.iter().copied().filter(|file| is_graph(file)) {
        let local = folder.join(below(address, &graph.path).unwrap_or(&graph.path));
        data.extend(external_data(repository, graph, &local)?);
    }
    data.retain(|file| !files.iter().any(|known| known.path == file.path));
    data.sort_by(|one, other| one.path.cmp(&other.path));
    data.dedup();
    fetch(&data)?;
    files.extend(data);
    Ok(files)
}

/// The files that the graph, which lies at `local`, names as those of its weights.
pub(super) fn external_data<'r>(
    repository: &'r Repository,
    graph: &RepoFile,
    local: &Path,
) -> Result<Vec<&'r RepoFile>, HubError> {
    let read = ExternalData::of(local);
    let data =
        read.map_err(|error| HubError::new(error.kind(), format!("{}: {error}", local.display())))?;
    let folder = Path::new(&graph.path).parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for name in data.files.keys() {
        // What leads out of the folder is no file of the repository; the check of the model says so.
        let Some(path) = inside(folder, Path::new(name)) else { continue };
        let file = repository.files().iter().find(|file| file.path == path);
        found.push(file.ok_or_else(|| repository.lacking(&path))?);
    }
    Ok(found)
}
