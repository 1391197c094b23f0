//! The model folder as an input of stages: what it is, before and without loading it.

use super::error::StageError;
use super::model_files::{InputFile, graph_files, part_files};
use super::model_reading::Reading;
use crate::models::ModelPaths;
use crate::store::{StoreError, content_digests};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Files up to this count by their content, which is read each time; larger ones by a digest of it, which is kept.
const SMALL: u64 = 64 << 20;
/// The same for a model of many small files: so many bytes together are read each time.
const SMALL_TOGETHER: u64 = 256 << 20;

/// A digest of the files in `parts` (files or subfolders of `model`), of those below them, and of all that their graphs
/// refer to, wherever it is. Moving or touching a model does not change it; one other byte does.
pub(crate) fn model_digest(
    model: impl Into<ModelPaths>,
    parts: &[&str],
) -> Result<String, StageError> {
    digest(part_files(&model.into(), parts)?)
}

/// The same of a single graph.
pub(crate) fn graph_digest(graph: &Path) -> Result<String, StageError> {
    digest(graph_files(graph)?)
}

/// What latents depend on of `model`: its encoder, and how latents are scaled.
///
/// # Errors
/// If a file can't be read.
pub(crate) fn encoder_digest(model: &ModelPaths) -> Result<String, StageError> {
    model_digest(model, &["vae_encoder", "vae_decoder/config.json"])
}

fn digest(files: Vec<InputFile>) -> Result<String, StageError> {
    let mut together = 0;
    let mut is_small = |file: &InputFile| {
        let small = file.bytes <= SMALL && together + file.bytes <= SMALL_TOGETHER;
        together += if small { file.bytes } else { 0 };
        small
    };
    let small: Vec<bool> = files.iter().map(&mut is_small).collect();
    let large = files.iter().zip(&small).filter(|(_, small)| !**small);
    let large: Vec<PathBuf> = large.map(|(file, _)| file.path.clone()).collect();
    let mut reading = Reading::default();
    let kept = cache_folder();
    let found = content_digests(&large, kept.as_deref(), &mut |done, of| reading.at(done, of))?;
    reading.end(&found, kept.as_deref());

    let mut large = found.digests.into_iter();
    let mut hash = Xxh3::new();
    for (file, small) in files.iter().zip(small) {
        hash.update(file.name.as_encoded_bytes());
        if small {
            add_content(&file.path, &mut hash).map_err(StoreError::io("read", &file.path))?;
        } else {
            hash.update(&file.bytes.to_le_bytes());
            hash.update(&large.next().unwrap_or_default().to_le_bytes());
        }
    }
    Ok(format!("{:016x}", hash.digest()))
}

fn add_content(path: &Path, hash: &mut Xxh3) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    hash.update(&file.metadata()?.len().to_le_bytes());
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    hash.update(&content);
    Ok(())
}

/// Where digests of large files are kept: the user's folder of caches, where there is one.
fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| {
        let named = PathBuf::from(std::env::var_os(name)?);
        named.is_absolute().then_some(named)
    };
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    caches.map(|caches| caches.join("coda-pipe/digests"))
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
