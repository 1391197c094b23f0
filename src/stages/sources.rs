//! The shards of a pipeline, by the names that its tables keep.

use super::error::StageError;
use crate::config::Patterns;
use crate::shards::expand_sources;
use std::path::PathBuf;

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What tables and sidecars call it: its path below the pipeline's folder, so that results are the same wherever
    /// the folder stands.
    pub name: String,
}

/// The shards that `patterns` stand for, in order.
pub(super) fn expand(patterns: &Patterns) -> Result<Vec<Source>, StageError> {
    let paths = expand_sources(&patterns.base, &patterns.patterns)?;
    let name = |path: &PathBuf| {
        path.strip_prefix(&patterns.base).unwrap_or(path).to_string_lossy().into_owned()
    };
    Ok(paths.into_iter().map(|path| Source { name: name(&path), path }).collect())
}
