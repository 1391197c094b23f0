//! Models named by their address on the Hugging Face hub: what of a repository a run needs, fetched into the cache.
//!
//! Everything else opens folders and files: an address is turned into one before.

mod no_graphs;
mod transfer;
mod wanted;

use super::components::ModelPaths;
use super::folder::Purpose;
use crate::hub::{HubAddress, HubError, RepoFile, Repository, is_hub};
use no_graphs::{MOST_NAMES, no_graphs};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use transfer::{external_data, fetch_all, is_graph};
use wanted::{GRAPH, below, is_wanted};

/// A model that was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The commit of the repository.
    pub(crate) commit: String,
    /// Its files, with their lengths; paths are below the folder.
    pub(crate) files: Vec<(String, u64)>,
}

/// The folder of the model at `path`: of an address on the hub the one in the cache, with what `purpose` needs fetched, else
/// `path` itself.
///
/// # Errors
/// If the hub has no such model, or no ONNX files of it, or it can't be fetched.
pub(crate) fn local_model(path: &Path, purpose: Purpose) -> Result<PathBuf, HubError> {
    match path.to_str().filter(|path| is_hub(path)) {
        Some(address) => Ok(fetch_model(&HubAddress::parse(address)?, purpose, None)?.folder),
        None => Ok(path.to_owned()),
    }
}

/// The same of a single graph.
///
/// # Errors
/// As there.
pub(crate) fn local_graph(path: &Path) -> Result<PathBuf, HubError> {
    match path.to_str().filter(|path| is_hub(path)) {
        Some(address) => fetch_graph(&HubAddress::parse(address)?),
        None => Ok(path.to_owned()),
    }
}

/// The same of a model with components of other folders: nothing is fetched that another folder replaces.
///
/// # Errors
/// As there.
pub(crate) fn local_paths(paths: &ModelPaths, purpose: Purpose) -> Result<ModelPaths, HubError> {
    let replaced = paths.parts_elsewhere();
    let root = |path: &Path| match path.to_str().filter(|path| is_hub(path)) {
        Some(address) => {
            Ok(fetch_parts(&HubAddress::parse(address)?, purpose, None, &replaced)?.folder)
        }
        None => Ok(path.to_owned()),
    };
    let elsewhere = |part: &str, path: &Path| match path.to_str().filter(|path| is_hub(path)) {
        Some(address) => fetch_component(&HubAddress::parse(address)?, part, purpose),
        None => Ok(path.to_owned()),
    };
    paths.replaced(root, elsewhere)
}

/// Fetches what `purpose` needs of a model: into the cache, or as plain files into a folder. With a folder, or where all of
/// it is asked for, what is there already is read again and checked.
///
/// # Errors
/// As [`local_model`].
pub(crate) fn fetch_model(
    address: &HubAddress,
    purpose: Purpose,
    to: Option<To<'_>>,
) -> Result<Fetched, HubError> {
    fetch_parts(address, purpose, to, &[])
}

/// The same without the parts `replaced`.
fn fetch_parts(
    address: &HubAddress,
    purpose: Purpose,
    to: Option<To<'_>>,
    replaced: &[&str],
) -> Result<Fetched, HubError> {
    let repository = Repository::open(address)?;
    let wanted =
        |file: &&RepoFile| below(address, &file.path).is_some_and(|path| is_wanted(path, purpose));
    let mut files: Vec<&RepoFile> = repository.files().iter().filter(wanted).collect();
    if !files.iter().any(|file| is_graph(file)) {
        return Err(no_graphs(address, repository.files()));
    }
    let path_of = |file: &RepoFile| below(address, &file.path).unwrap_or(&file.path).to_owned();
    files.retain(|file| {
        let path = path_of(file);
        !replaced.iter().any(|part| path.split_once('/').is_some_and(|(folder, _)| folder == *part))
    });
    let files = fetch_all(&repository, address, files, to)?;
    let folder = match to {
        Some(To::Folder(folder)) => folder.to_owned(),
        _ => repository.place(),
    };
    let files = files.iter().map(|file| (path_of(file), file.bytes)).collect();
    Ok(Fetched { folder, commit: repository.commit().to_owned(), files })
}

/// Fetches one component: that of a model, or what lies right at the address. Returns the folder of the address.
fn fetch_component(
    address: &HubAddress,
    part: &str,
    purpose: Purpose,
) -> Result<PathBuf, HubError> {
    let repository = Repository::open(address)?;
    let within = format!("{part}/");
    let path_of = |file: &RepoFile| below(address, &file.path).unwrap_or_default().to_owned();
    let of_model = |file: &&RepoFile| {
        let path = path_of(file);
        path == "model_index.json" || (path.starts_with(&within) && is_wanted(&path, purpose))
    };
    let alone = |file: &&RepoFile| {
        let path = path_of(file);
        !path.contains('/') && is_wanted(&format!("{within}{path}"), purpose)
    };
    let files = repository.files();
    let is_model = files.iter().any(|file| path_of(file).starts_with(&within));
    let wanted: Vec<&RepoFile> = match is_model {
        true => files.iter().filter(of_model).collect(),
        false => files.iter().filter(alone).collect(),
    };
    let is_there = wanted.iter().any(|file| path_of(file) != "model_index.json");
    let needs_graph = is_wanted(&format!("{within}{GRAPH}"), purpose);
    if !is_there || (needs_graph && !wanted.iter().any(|file| is_graph(file))) {
        return Err(HubError::new(
            ErrorKind::NotFound,
            format!(
                "{address} has no {within}{GRAPH} and no {GRAPH}: name a folder with the exported {part}"
            ),
        ));
    }
    fetch_all(&repository, address, wanted, None)?;
    Ok(repository.place())
}

/// Where a model is fetched to, other than into the cache without a further look.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'f> {
    /// Into the cache; what is there is read again.
    Checked,
    /// Into a folder, as plain files.
    Folder(&'f Path),
}

fn fetch_graph(address: &HubAddress) -> Result<PathBuf, HubError> {
    let folder = address.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let repository = Repository::open(&address.at(folder))?;
    let graphs = || repository.files().iter().filter(|file| file.path.ends_with(".onnx"));
    let found = repository.files().iter().find(|file| file.path == address.path);
    let Some(graph) = found.filter(|graph| graph.path.ends_with(".onnx")) else {
        let names: Vec<String> =
            graphs().take(MOST_NAMES).map(|file| address.at(&file.path).to_string()).collect();
        return Err(match names.is_empty() {
            true => repository.lacking(&address.path),
            false => HubError::new(
                ErrorKind::NotFound,
                format!("{address} is no ONNX file: name one, such as {}", names.join(", ")),
            ),
        });
    };
    repository.fetch(&[graph], false)?;
    let name = address.path.rsplit('/').next().unwrap_or(&address.path);
    let local = repository.place().join(name);
    repository.fetch(&external_data(&repository, graph, &local)?, false)?;
    Ok(local)
}
