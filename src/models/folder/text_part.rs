//! A text encoder and its tokenizer, as a model folder names them.

use std::path::PathBuf;

use serde::Deserialize;

use super::graph_file;
use crate::models::components::ModelPaths;
use crate::models::error::DiffusionError;
use crate::models::family::TextRole;
use crate::models::json::{read_json, whole};

/// A text encoder and its tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPart {
    /// Its place in the model's family.
    pub role: &'static TextRole,
    /// Its `model.onnx`.
    pub graph: PathBuf,
    /// Its tokenizer's folder.
    pub tokenizer: PathBuf,
    /// Number of tokens that its position table holds.
    pub max_positions: usize,
}

#[derive(Deserialize)]
struct TextConfig {
    #[serde(default = "clips", deserialize_with = "whole")]
    max_position_embeddings: usize,
}

fn clips() -> usize {
    77
}

impl TextPart {
    /// Reads the part of the model in `paths` that has the place `role`.
    pub(super) fn open(
        paths: &ModelPaths,
        role: &'static TextRole,
    ) -> Result<Self, DiffusionError> {
        let path = paths.part(role.folder).join("config.json");
        let config: TextConfig = read_json(&path, "the text encoder's configuration")?;
        Ok(Self {
            role,
            graph: graph_file(paths, role.folder)?,
            tokenizer: paths.part(role.tokenizer),
            max_positions: config.max_position_embeddings,
        })
    }
}
