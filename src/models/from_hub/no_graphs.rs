//! What to do about a repository without the graphs of a model.

use crate::hub::{HubAddress, HubError, RepoFile};
use std::io::ErrorKind;

/// Names that an error shows of many.
pub(super) const MOST_NAMES: usize = 5;

/// The error of a repository without the graphs of a model: what to do instead.
pub(super) fn no_graphs(address: &HubAddress, files: &[RepoFile]) -> HubError {
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
