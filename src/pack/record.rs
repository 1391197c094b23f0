//! `NAME.pack.json`: what the shards beside it were made from.

use super::error::PackError;
use super::pattern::ShardPattern;
use super::plan::PackPlan;
use crate::store::AtomicFile;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

const VERSION: u32 = 2;

/// The plan that shards belong to, and what they lack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    plan: String,
    pub(super) shards: usize,
    samples: usize,
    /// A digest a shard: one that is there was made from such files.
    contents: Vec<String>,
    /// Files that could not be read when their shard was written.
    pub(super) left_out: Vec<MissingSample>,
}

/// A sample that a shard lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MissingSample {
    pub(super) shard: usize,
    pub(super) key: String,
    pub(super) reason: String,
}

impl Record {
    pub(super) fn new(plan: &PackPlan) -> Self {
        Self {
            version: VERSION,
            plan: plan.digest.clone(),
            shards: plan.shards.len(),
            samples: plan.samples(),
            contents: plan.contents.clone(),
            left_out: Vec::new(),
        }
    }

    /// The record of shards that are there already.
    pub(super) fn load(pattern: &ShardPattern) -> Option<Self> {
        let text = std::fs::read(path(pattern)).ok()?;
        serde_json::from_slice(&text).ok().filter(|record: &Self| record.version == VERSION)
    }

    /// Whether it is of the same files and settings, whatever is in the files.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        (&self.plan, self.shards, self.samples) == (&other.plan, other.shards, other.samples)
    }

    /// Whether the files of a shard are as they were.
    pub(super) fn agrees(&self, other: &Self, shard: usize) -> bool {
        self.contents.get(shard).is_some_and(|content| other.contents.get(shard) == Some(content))
    }

    pub(super) fn write(&self, pattern: &ShardPattern) -> Result<(), PackError> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        write_whole(&path(pattern), &text)
    }
}

/// Where the record of a pattern's shards is.
pub(super) fn path(pattern: &ShardPattern) -> std::path::PathBuf {
    pattern.beside(".pack.json")
}

pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), PackError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content).map_err(PackError::io("write", path))?;
    file.publish(path)?;
    Ok(())
}
