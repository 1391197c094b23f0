//! `model_index.json`: the pipeline that a model was saved from, and its parts by name.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::models::error::DiffusionError;
use crate::models::family::Family;
use crate::models::json::{config_error, read_json};

/// The keys of the index that a model folder is read by.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelIndex {
    /// Whether an absent negative prompt means zeros.
    pub(super) force_zeros_for_empty_prompt: Option<bool>,
    /// Whether the denoiser takes an aesthetic score.
    pub(super) requires_aesthetics_score: bool,
    #[serde(flatten)]
    parts: Map<String, Value>,
}

impl ModelIndex {
    /// Reads the index of the model folder `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, DiffusionError> {
        let path = root.join("model_index.json");
        let index: Self = read_json(&path, "the index of an exported text-to-image model")?;
        index.check().map_err(|reason| config_error(&path, reason))?;
        Ok(index)
    }

    /// The pipeline's class.
    pub(crate) fn class(&self) -> Option<&str> {
        self.parts.get("_class_name")?.as_str()
    }

    /// The family of the model, if the index names the text encoders of one.
    pub(crate) fn family(&self) -> Option<&'static Family> {
        Family::of(self.class(), |folder| self.part(folder))
    }

    /// Whether the index names the part `folder`: its library and class are given, not null.
    pub(crate) fn names(&self, folder: &str) -> bool {
        self.part(folder).is_some()
    }

    /// The class of the part `folder`, if the index names it.
    pub(crate) fn part(&self, folder: &str) -> Option<&str> {
        let part = self.parts.get(folder).filter(|part| !part[0].is_null())?;
        Some(part[1].as_str().unwrap_or_default())
    }

    /// Refuses a text encoder that is no pair of library and class.
    fn check(&self) -> Result<(), String> {
        let text = |part: &Value| part.is_null() || part.is_string();
        let pair =
            |part: &Value| part.as_array().is_some_and(|p| p.len() == 2 && p.iter().all(text));
        for folder in Family::text_folders() {
            if self.parts.get(folder).is_some_and(|part| !pair(part)) {
                return Err(format!("{folder}: it is no list of a library and a class"));
            }
        }
        Ok(())
    }
}
