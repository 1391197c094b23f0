//! The model folder as an input of stages: what it is, before and without loading it.

use super::error::StageError;
use crate::store::StoreError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Files up to this are hashed whole; of larger ones the length and a sample every so far.
const WHOLE: u64 = 64 << 20;
const SAMPLE: u64 = 1 << 20;
const EVERY: u64 = 64 << 20;

/// A digest of the files in `parts` (files or subfolders of `folder`). Moving or touching a model
/// does not change it; another export does. Gigabytes of weights are sampled, not read.
pub fn model_digest(folder: &Path, parts: &[&str]) -> Result<String, StageError> {
    let mut files = Vec::new();
    for part in parts {
        let path = folder.join(part);
        if path.is_file() {
            files.push(path);
        } else {
            list(&path, &mut files)?;
        }
    }
    files.sort();
    let mut hash = Xxh3::new();
    for path in files {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        hash.update(name.to_string_lossy().as_bytes());
        digest_file(&path, &mut hash).map_err(StoreError::io("read", &path))?;
    }
    Ok(format!("{:016x}", hash.digest()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), StageError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // A part that a model lacks (a second text encoder, say) is no input; what must be there, loading checks.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("list", folder)(e).into()),
    };
    for entry in entries {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn digest_file(path: &Path, hash: &mut Xxh3) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    hash.update(&length.to_le_bytes());
    let mut content = Vec::new();
    if length <= WHOLE {
        file.read_to_end(&mut content)?;
        hash.update(&content);
        return Ok(());
    }
    for start in (0..length).step_by(EVERY as usize).chain([length - SAMPLE]) {
        content.clear();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(&mut file).take(SAMPLE).read_to_end(&mut content)?;
        hash.update(&content);
    }
    Ok(())
}

/// What latents depend on of the model in `folder`: its encoder, and how latents are scaled.
///
/// # Errors
/// If a file can't be read.
pub(super) fn encoder_digest(folder: &Path) -> Result<String, StageError> {
    model_digest(folder, &["vae_encoder", "vae_decoder/config.json"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_names_count_and_missing_parts_do_not() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("unet")).unwrap();
        let graph = dir.path().join("unet/model.onnx");
        std::fs::write(&graph, "a").unwrap();
        let first = model_digest(dir.path(), &["unet", "absent"]).unwrap();
        assert_eq!(first, model_digest(dir.path(), &["unet"]).unwrap());
        std::fs::write(&graph, "b").unwrap();
        assert_ne!(first, model_digest(dir.path(), &["unet"]).unwrap());
    }
}
