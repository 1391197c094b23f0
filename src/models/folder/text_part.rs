//! A text encoder and its tokenizer, as a model folder names them.

use std::path::PathBuf;

use serde::Deserialize;

use super::graph_file;
use crate::models::components::ModelPaths;
use crate::models::error::DiffusionError;
use crate::models::family::{ScaleInput, TextKind, TextRole};
use crate::models::json::{read_json, whole};

/// Tokens of a prompt of models that were distilled at one scale (FLUX.1 schnell).
const DISTILLED_TOKENS: usize = 256;

/// A text encoder and its tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPart {
    /// Its place in the model's family.
    pub role: &'static TextRole,
    /// Its `model.onnx`.
    pub graph: PathBuf,
    /// Its tokenizer's folder.
    pub tokenizer: PathBuf,
    /// Most tokens of a prompt: those that a CLIP's position table holds, or what the family takes.
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
            max_positions: match role.kind {
                TextKind::Clip => config.max_position_embeddings,
                TextKind::T5 { tokens } | TextKind::Gemma { tokens } => tokens,
            },
        })
    }

    /// Takes fewer tokens in a model that is told its scale by `input`, where such a model was trained with fewer.
    pub(super) fn limit_to(&mut self, input: ScaleInput) {
        if input == ScaleInput::None && self.role.kind != TextKind::Clip {
            self.max_positions = self.max_positions.min(DISTILLED_TOKENS);
        }
    }
}
