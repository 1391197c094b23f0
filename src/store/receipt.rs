//! Receipts: what a unit of work left, and from what.

use super::atomic::Written;
use super::contents::Contents;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// A sample that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleFault {
    /// The shard, as the pipeline names it.
    pub shard: String,
    /// The sample key; empty where the damage hides it.
    pub key: String,
    /// What was wrong.
    pub reason: String,
    /// Whether nothing at all could be read of the shard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole_shard: bool,
}

/// The receipt of one unit. Its presence, with an equal fingerprint and whole outputs, means "done".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of this format.
    pub version: u32,
    /// The unit, as `stage/name`.
    pub unit: String,
    /// Hash of every input and setting that the outputs depend on.
    pub fingerprint: String,
    /// The settings among them, readable, to say later what changed.
    pub settings: Value,
    /// A short digest of each input, to say later which one changed; receipts of earlier versions have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The files it left.
    pub outputs: Vec<Written>,
    /// What is in them that the stages after it want to know of all units without reading any file. Earlier versions
    /// left none: then the files are read.
    #[serde(default, skip_serializing_if = "Contents::is_none")]
    pub contents: Contents,
    /// Samples (images, rows) it produced.
    pub samples: u64,
    /// Samples it left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<SampleFault>,
    /// What it decided, readable: one line a step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Wall time it took.
    pub seconds: f64,
}

impl Receipt {
    /// The version this program writes.
    pub const VERSION: u32 = 1;

    /// Bytes of all outputs.
    pub fn bytes(&self) -> u64 {
        self.outputs.iter().fold(0, |sum, output| sum.saturating_add(output.bytes))
    }

    /// Whether all outputs lie in the run directory: what is named elsewhere is not ours to read or remove.
    pub(super) fn stays_inside(&self) -> bool {
        let named = |part: Component<'_>| matches!(part, Component::Normal(_));
        let inside = |file: &str| !file.is_empty() && Path::new(file).components().all(named);
        self.outputs.iter().all(|output| inside(&output.file))
    }
}
