//! Lists of patterns in a file, which a pattern names as `@FILE`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ShardError;
use crate::text::decoded;

/// The patterns in a file, and the folder that its relative ones start at: the file's own, so that
/// a list can travel with its shards.
///
/// One pattern a line; blank lines, and lines that begin with `#`, are passed over. White space
/// around a pattern does not count.
///
/// # Errors
/// If the file can't be read, holds no pattern, or names another list.
pub(super) fn read_list(path: &Path, pattern: &str) -> Result<(PathBuf, Vec<String>), ShardError> {
    let bytes =
        fs::read(path).map_err(|source| ShardError::Io { path: path.to_owned(), source })?;
    let bad = |problem: String| ShardError::BadPattern { pattern: pattern.to_owned(), problem };
    let text = decoded(&bytes).ok_or_else(|| bad("the list is not UTF-8 text".to_owned()))?;
    let lines = text.lines().map(str::trim);
    let patterns: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    if patterns.is_empty() {
        return Err(bad("the list names no shard".to_owned()));
    }
    if let Some(nested) = patterns.iter().find(|line| line.starts_with('@')) {
        return Err(bad(format!("the list names another list, `{nested}`: name both one by one")));
    }
    Ok((path.parent().unwrap_or(Path::new("")).to_owned(), patterns))
}
