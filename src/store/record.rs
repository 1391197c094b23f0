//! `run.json`: what a run directory is, for `status`, for `verify --repair` and for people.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The content of `run.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of the program that worked here last.
    pub program: String,
    /// The pipeline file, as it was named.
    pub pipeline: String,
    /// Where the command was given: what `pipeline` and relative paths in `sets` are relative to.
    #[serde(default)]
    pub folder: PathBuf,
    /// The `--set` arguments.
    #[serde(default)]
    pub sets: Vec<String>,
    /// All settings in force.
    pub settings: serde_json::Value,
    /// ONNX Runtime, device and threads.
    pub runtime: serde_json::Value,
    /// The stages that are known to be of these settings: everything before them was complete when they were planned.
    pub stages: BTreeMap<String, StageRecord>,
}

/// What is known of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Units it consists of.
    pub units: u64,
}
