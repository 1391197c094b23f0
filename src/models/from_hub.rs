//! Models named by their address on the Hugging Face hub: what of a repository a run needs, fetched into the cache.
//!
//! Everything else opens folders and files: an address is turned into one before.

use super::family::FAMILIES;
use super::folder::Purpose;
use crate::hub::{HubAddress, HubError, RepoFile, Repository, is_hub};
use crate::onnx::ExternalData;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

const GRAPH: &str = "model.onnx";
/// Names that an error shows of many.
const MOST_NAMES: usize = 5;

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

/// Fetches what `purpose` needs of a model: into the cache, or as plain files into `folder`. With a folder, or where all of
/// it is asked for, what is there already is read again and checked.
///
/// # Errors
/// As [`local_model`].
pub(crate) fn fetch_model(
    address: &HubAddress,
    purpose: Purpose,
    to: Option<To<'_>>,
) -> Result<Fetched, HubError> {
    let repository = Repository::open(address)?;
    let fetch = |files: &[&RepoFile]| match to {
        None => repository.fetch(files, false),
        Some(To::Checked) => repository.fetch(files, true),
        Some(To::Folder(folder)) => repository.fetch_to(folder, files),
    };
    let folder = match to {
        Some(To::Folder(folder)) => folder.to_owned(),
        _ => repository.place(),
    };
    let wanted =
        |file: &&RepoFile| below(address, &file.path).is_some_and(|path| is_wanted(path, purpose));
    let mut files: Vec<&RepoFile> = repository.files().iter().filter(wanted).collect();
    let is_graph = |file: &&RepoFile| file.path.ends_with(GRAPH);
    if !files.iter().any(is_graph) {
        return Err(no_graphs(address, repository.files()));
    }
    fetch(&files)?;
    let mut data = Vec::new();
    for graph in files.iter().copied().filter(is_graph) {
        let local = folder.join(below(address, &graph.path).unwrap_or(&graph.path));
        data.extend(external_data(&repository, graph, &local)?);
    }
    data.retain(|file| !files.iter().any(|known| known.path == file.path));
    data.sort_by(|one, other| one.path.cmp(&other.path));
    data.dedup();
    fetch(&data)?;
    files.extend(data);
    let named = |file: &&RepoFile| {
        (below(address, &file.path).unwrap_or(&file.path).to_owned(), file.bytes)
    };
    let files = files.iter().map(named).collect();
    Ok(Fetched { folder, commit: repository.commit().to_owned(), files })
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

/// The path below the address's own.
fn below<'p>(address: &HubAddress, path: &'p str) -> Option<&'p str> {
    if address.path.is_empty() {
        return Some(path);
    }
    path.strip_prefix(&address.path)?.strip_prefix('/')
}

/// Whether a run needs the file at this path of a model's folder.
fn is_wanted(path: &str, purpose: Purpose) -> bool {
    let Some((folder, name)) = path.split_once('/') else { return path == "model_index.json" };
    let has_ending = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if name.contains('/') {
        return false;
    }
    let of_text = || FAMILIES.iter().flat_map(|family| family.text);
    if of_text().any(|text| text.tokenizer == folder) {
        return has_ending(&[".json", ".txt", ".model"]);
    }
    let encoder = folder == "vae_encoder";
    let generator = folder == "vae_decoder"
        || FAMILIES.iter().any(|family| family.denoiser == folder)
        || of_text().any(|text| text.folder == folder);
    match name {
        GRAPH => encoder || (generator && purpose == Purpose::Generate),
        _ => (encoder || generator || folder == "scheduler") && has_ending(&[".json"]),
    }
}

/// The files that the graph, which lies at `local`, names as those of its weights.
fn external_data<'r>(
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

/// The path of `name` in `folder`, if it stays in there.
fn inside(folder: &Path, name: &Path) -> Option<String> {
    let mut path = folder.to_owned();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    path.to_str().map(str::to_owned)
}

/// The error of a repository without the graphs of a model: what to do instead.
fn no_graphs(address: &HubAddress, files: &[RepoFile]) -> HubError {
    let name = &address.name;
    let short = name.rsplit('/').next().unwrap_or(name);
    let elsewhere = files.iter().find_map(|file| {
        let folder = file.path.strip_suffix("/vae_encoder/model.onnx")?;
        Some(address.at(folder).to_string())
    });
    let others: Vec<&str> = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.ends_with(".onnx"))
        .collect();
    let what = match (elsewhere, others.is_empty()) {
        (Some(folder), _) => {
            return HubError::new(
                ErrorKind::NotFound,
                format!("{address} has its ONNX files in a folder: name that, {folder}"),
            );
        }
        (None, true) => "has no ONNX files".to_owned(),
        (None, false) => {
            let names: Vec<&str> = others.into_iter().take(MOST_NAMES).collect();
            format!(
                "has ONNX files ({}), but none named as an export has them, PART/model.onnx",
                names.join(", ")
            )
        }
    };
    HubError::new(
        ErrorKind::NotFound,
        format!(
            "{address} {what}: export the model once, with `coda-pipe model export {name} {short}-onnx` or \
             `optimum-cli export onnx --task text-to-image -m {name} {short}-onnx` (docs/models.md), and name the folder: \
             {short}-onnx"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_needs_the_graphs_and_what_configures_them_and_no_other_weights() {
        for path in [
            "model_index.json",
            "scheduler/scheduler_config.json",
            "tokenizer/merges.txt",
            "tokenizer_2/vocab.json",
            "text_encoder_2/model.onnx",
            "unet/config.json",
            "unet/model.onnx",
            "vae_decoder/model.onnx",
            "vae_encoder/model.onnx",
        ] {
            assert!(is_wanted(path, Purpose::Generate), "{path}");
            let graph = path.ends_with(".onnx");
            assert_eq!(
                is_wanted(path, Purpose::Encode),
                !graph || path.starts_with("vae_encoder"),
                "{path}"
            );
        }
        for path in [
            "README.md",
            "sd_xl_base_1.0.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/model_fp16.onnx",
            "unet/model.onnx_data",
            "unet/fp16/model.onnx",
            "text_encoder/pytorch_model.bin",
            "safety_checker/model.onnx",
            "onnx/unet/model.onnx",
        ] {
            assert!(!is_wanted(path, Purpose::Generate), "{path}");
        }
    }

    #[test]
    fn data_lies_beside_its_graph() {
        let of = |name: &str| inside(Path::new("unet"), Path::new(name));
        assert_eq!(of("model.onnx_data").as_deref(), Some("unet/model.onnx_data"));
        assert_eq!(of("./w/a").as_deref(), Some("unet/w/a"));
        assert_eq!(of("../x"), None);
        assert_eq!(of("/etc/passwd"), None);
    }

    #[test]
    fn only_what_lies_below_the_address_is_of_the_model() {
        let of = |address: &str, path| {
            below(&HubAddress::parse(address).unwrap(), path).map(str::to_owned)
        };
        assert_eq!(of("hf://o/n", "unet/x").as_deref(), Some("unet/x"));
        assert_eq!(of("hf://o/n/onnx", "onnx/unet/x").as_deref(), Some("unet/x"));
        assert_eq!(of("hf://o/n/onnx", "onnx-fp16/unet/x"), None);
    }
}
