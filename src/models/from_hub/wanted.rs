//! Which files of a repository a run needs.

use crate::hub::HubAddress;
use crate::models::family::FAMILIES;
use crate::models::folder::Purpose;
use std::path::{Component, Path};

/// The file of a graph in its part's folder.
pub(super) const GRAPH: &str = "model.onnx";

/// The path below the address's own.
pub(super) fn below<'p>(address: &HubAddress, path: &'p str) -> Option<&'p str> {
    if address.path.is_empty() {
        return Some(path);
    }
    path.strip_prefix(&address.path)?.strip_prefix('/')
}

/// Whether a run needs the file at this path of a model's folder.
pub(super) fn is_wanted(path: &str, purpose: Purpose) -> bool {
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

/// The path of `name` in `folder`, if it stays in there.
pub(super) fn inside(folder: &Path, name: &Path) -> Option<String> {
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
            "text_encoder_3/model.onnx",
            "tokenizer_3/tokenizer.json",
            "transformer/config.json",
            "transformer/model.onnx",
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
