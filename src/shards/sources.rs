//! From the user's list of patterns to a list of shard files.
//!
//! WebDataset itself knows braces but no globs and takes an unmatched glob for a file name; here
//! every pattern must lead to at least one file that exists, and no file may be reached twice.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::braces::expand_braces;
use super::error::ShardError;

/// What a file's name must end in to be taken for a shard by a folder or a glob. A path or a
/// brace pattern may name any file.
pub const SHARD_ENDINGS: [&str; 4] = [".tar", ".tar.gz", ".tgz", ".tar.zst"];

/// Expands patterns into existing shard files, in order.
///
/// A pattern is a path, a path with braces (`train-{000000..000123}.tar`), a path with globs
/// (`*`, `?`, `[…]`, `**`), or a folder; relative ones start at `base`. A name that exists as it
/// stands is taken as it stands, whatever characters it has. Patterns keep the order of the list
/// and braces their own; what a glob or a folder finds is sorted by path.
///
/// # Errors
/// Names the pattern at fault: an empty list, a URL or pipe, unbalanced braces, a file that does
/// not exist, a glob or folder without a shard, a file listed twice.
pub fn expand_sources(base: &Path, patterns: &[String]) -> Result<Vec<PathBuf>, ShardError> {
    if patterns.is_empty() {
        return Err(ShardError::NoPatterns);
    }
    let mut shards = Vec::new();
    let mut listed_by = HashMap::new();
    for pattern in patterns {
        for path in expand_pattern(base, pattern)? {
            let identity = fs::canonicalize(&path).map_err(|source| io_error(&path, source))?;
            if let Some(first) = listed_by.insert(identity, pattern) {
                let (first, second) = (first.clone(), pattern.clone());
                return Err(ShardError::ListedTwice { path, first, second });
            }
            shards.push(path);
        }
    }
    Ok(shards)
}

fn expand_pattern(base: &Path, pattern: &str) -> Result<Vec<PathBuf>, ShardError> {
    if let Some(found) = existing(base, pattern, pattern)? {
        return Ok(found);
    }
    if pattern.is_empty() || !is_local(pattern) {
        return Err(ShardError::NotLocal { pattern: pattern.to_owned() });
    }
    let names = expand_braces(pattern).map_err(|problem| bad_pattern(pattern, problem))?;
    let mut shards = Vec::new();
    for name in names {
        match existing(base, &name, pattern)? {
            Some(found) => shards.extend(found),
            None if name.contains(['*', '?', '[']) => {
                shards.extend(expand_glob(base, &name, pattern)?);
            }
            None => {
                let (pattern, path) = (pattern.to_owned(), base.join(name));
                return Err(ShardError::Missing { pattern, path });
            }
        }
    }
    Ok(shards)
}

/// The file of this name, or a folder's shards; `None` if nothing has this name.
fn existing(base: &Path, name: &str, pattern: &str) -> Result<Option<Vec<PathBuf>>, ShardError> {
    let path = base.join(name);
    if name.is_empty() || !path.exists() {
        return Ok(None);
    }
    if !path.is_dir() {
        return Ok(Some(vec![path]));
    }
    let mut shards = Vec::new();
    for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
        let entry = entry.map_err(|source| io_error(&path, source))?;
        shards.push(entry.path());
    }
    sorted_shards(shards, pattern).map(Some)
}

fn expand_glob(base: &Path, name: &str, pattern: &str) -> Result<Vec<PathBuf>, ShardError> {
    let base = base.to_str().ok_or_else(|| {
        bad_pattern(pattern, "globs need a base folder whose name is valid UTF-8".to_owned())
    })?;
    let absolute = match (name.starts_with('/'), base) {
        (true, _) | (_, "") => name.to_owned(),
        _ => format!("{}/{name}", glob::Pattern::escape(base)),
    };
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = glob::glob_with(&absolute, options)
        .map_err(|error| bad_pattern(pattern, error.to_string()))?;
    let mut found = Vec::new();
    for path in matches {
        found.push(path.map_err(|error| {
            let path = error.path().to_owned();
            io_error(&path, error.into())
        })?);
    }
    sorted_shards(found, pattern)
}

/// Keeps files that are named like shards, sorted; none is an error.
fn sorted_shards(mut paths: Vec<PathBuf>, pattern: &str) -> Result<Vec<PathBuf>, ShardError> {
    paths.retain(|path| has_shard_name(path) && path.is_file());
    paths.sort();
    if paths.is_empty() {
        return Err(ShardError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(paths)
}

fn has_shard_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !name.starts_with('.') && SHARD_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether the pattern is a path, not one of WebDataset's URLs, pipes, joined lists or `-`.
fn is_local(pattern: &str) -> bool {
    let remote = pattern.contains("://") || pattern.contains("::") || pattern == "-";
    !remote && !["pipe:", "file:", "hf:", "ais:", "gs:"].iter().any(|s| pattern.starts_with(s))
}

fn bad_pattern(pattern: &str, problem: String) -> ShardError {
    ShardError::BadPattern { pattern: pattern.to_owned(), problem }
}

fn io_error(path: &Path, source: std::io::Error) -> ShardError {
    ShardError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
