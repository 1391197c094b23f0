//! Reading golden fixtures in unit tests.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::components::ModelPaths;
use super::folder::{ModelFolder, Purpose};
use crate::onnx::{Runtime, Search};

/// A fixture's bytes.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/generate/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// ONNX Runtime, where it is found; a test without it says so, and fails where nothing may be left out.
pub(crate) fn runtime() -> Option<Runtime> {
    let pipeline_folder = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    match Runtime::load(&Search { setting: None, pipeline_folder }) {
        Ok(runtime) => Some(runtime),
        Err(error) if std::env::var_os("CODA_REQUIRE_ALL").is_some() => panic!("{error}"),
        Err(error) => {
            crate::say!("SKIPPED: {error}");
            None
        }
    }
}

fn families() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families")
}

/// A file of the miniature `name`.
pub(crate) fn family_file(name: &str, file: &str) -> Vec<u8> {
    let path = families().join(name).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The miniature `name`. FLUX.1 schnell's folder has a denoiser alone: the other parts are those of dev's.
pub(crate) fn miniature(name: &str) -> ModelFolder {
    let root = families().join(name);
    let mut paths = ModelPaths::from(&root);
    if !root.join("vae_decoder").exists() {
        for key in ["vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"] {
            paths = paths.with(key, &families().join("flux-dev"));
        }
    }
    ModelFolder::open_for(paths, Purpose::Generate)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A tensor of a fixture, as f32 whatever its type.
pub(crate) fn values(tensors: &SafeTensors, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        }
        Dtype::I64 => {
            data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f32).collect()
        }
        other => panic!("{name}: {other:?}"),
    }
}
