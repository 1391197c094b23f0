//! From the user's list of patterns to a list of shards.
//!
//! WebDataset itself knows braces but no globs and takes an unmatched glob for a file name; here
//! every pattern must lead to at least one shard, local ones must exist, and no shard may be
//! reached twice.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::braces::expand_braces;
use super::error::ShardError;
use super::pattern_list::read_list;
use super::place::ShardPlace;
use super::remote;
use super::retry::Retry;
use crate::objects::{is_store, is_url, without_secrets};

/// What a file's name must end in to be taken for a shard by a folder or a glob. A path or a
/// brace pattern may name any file.
pub const SHARD_ENDINGS: [&str; 5] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.lz4"];

/// Expands patterns into shards, in order.
///
/// A pattern is one of
/// - a path, a path with braces (`train-{000000..000123}.tar`), a path with globs (`*`, `?`, `[…]`,
///   `**`), or a folder; `file:` before it changes nothing. A name that exists as it stands is taken
///   as it stands, whatever characters it has;
/// - a URL (`http://`, `https://`, `s3://`, `gs://`, `az://`), with braces; in the last three, globs
///   and folders (with their closing `/`) are looked up on the server;
/// - `pipe:COMMAND`, with braces; the command runs in `base`;
/// - `-`, standard input;
/// - `@FILE`, a list of patterns, one a line, with `#` comments; relative paths in it start at the
///   folder of that file;
/// - several of these joined by `::`, as WebDataset has it (not after `pipe:`).
///
/// Relative paths start at `base`. Patterns keep the order of the list and braces their own; what
/// a glob or a folder finds is sorted by path.
///
/// # Errors
/// Names the pattern at fault: an empty list, a kind that is not read, unbalanced braces, a file that
/// does not exist, a glob or folder without a shard, a shard listed twice, a server that gives no
/// list.
pub fn expand_sources(
    base: &Path,
    patterns: &[String],
    retry: Retry,
) -> Result<Vec<ShardPlace>, ShardError> {
    if patterns.is_empty() {
        return Err(ShardError::NoPatterns);
    }
    let mut shards = Vec::new();
    let mut listed_by = HashMap::new();
    for pattern in patterns {
        for place in expand_pattern(base, pattern, retry)? {
            if let Some(first) = listed_by.insert(identity(&place)?, pattern) {
                let (first, second) = (first.clone(), pattern.clone());
                return Err(ShardError::ListedTwice { shard: place.to_string(), first, second });
            }
            shards.push(place);
        }
    }
    Ok(shards)
}

/// The place, a file by its one true path.
fn identity(place: &ShardPlace) -> Result<ShardPlace, ShardError> {
    match place {
        ShardPlace::File(path) => {
            let path = fs::canonicalize(path).map_err(|source| io_error(path, source))?;
            Ok(ShardPlace::File(path))
        }
        other => Ok(other.clone()),
    }
}

fn expand_pattern(base: &Path, pattern: &str, retry: Retry) -> Result<Vec<ShardPlace>, ShardError> {
    if let Some(found) = existing(base, pattern, pattern)? {
        return Ok(found);
    }
    if let Some(file) = pattern.strip_prefix('@') {
        let (base, patterns) = read_list(&base.join(file), pattern)?;
        let mut shards = Vec::new();
        for pattern in patterns {
            shards.extend(expand_pattern(&base, &pattern, retry)?);
        }
        return Ok(shards);
    }
    let joined: Vec<&str> = match pattern.starts_with("pipe:") {
        true => vec![pattern],
        false => pattern.split("::").collect(),
    };
    let mut shards = Vec::new();
    for one in joined {
        for name in expand_braces(one).map_err(|problem| bad_pattern(one, problem))? {
            shards.extend(expand_name(base, &name, pattern, retry)?);
        }
    }
    Ok(shards)
}

/// What one name without braces stands for.
fn expand_name(
    base: &Path,
    name: &str,
    pattern: &str,
    retry: Retry,
) -> Result<Vec<ShardPlace>, ShardError> {
    if let Some(found) = existing(base, name, pattern)? {
        return Ok(found);
    }
    if name == "-" {
        return Ok(vec![ShardPlace::Stdin]);
    }
    if let Some(command) = name.strip_prefix("pipe:") {
        let (command, folder) = (command.to_owned(), base.to_owned());
        return Ok(vec![ShardPlace::Pipe { command, folder }]);
    }
    if is_url(name) {
        let many = name.ends_with('/') || name.contains(['*', '?', '[']);
        let urls = match many && is_store(name) {
            true => remote::list(name, retry)?,
            false => vec![name.to_owned()],
        };
        return Ok(urls.into_iter().map(ShardPlace::Url).collect());
    }
    let name = match name.strip_prefix("file:") {
        // `file://host/path` does not exist in practice; `file:///path` and `file:path` do.
        Some(path) => path.strip_prefix("//").unwrap_or(path),
        None => name,
    };
    if name.is_empty() || ["://", "hf:", "ais:"].iter().any(|mark| name.contains(mark)) {
        return Err(ShardError::UnknownKind { pattern: pattern.to_owned() });
    }
    match existing(base, name, pattern)? {
        Some(found) => Ok(found),
        None if name.contains(['*', '?', '[']) => expand_glob(base, name, pattern),
        None => Err(ShardError::Missing { pattern: pattern.to_owned(), path: base.join(name) }),
    }
}

/// The file of this name, or a folder's shards; `None` if nothing has this name.
fn existing(base: &Path, name: &str, pattern: &str) -> Result<Option<Vec<ShardPlace>>, ShardError> {
    let path = base.join(name);
    if name.is_empty() || !path.exists() {
        return Ok(None);
    }
    if !path.is_dir() {
        return Ok(Some(vec![ShardPlace::File(path)]));
    }
    let mut shards = Vec::new();
    for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
        let entry = entry.map_err(|source| io_error(&path, source))?;
        shards.push(entry.path());
    }
    sorted_shards(shards, pattern).map(Some)
}

fn expand_glob(base: &Path, name: &str, pattern: &str) -> Result<Vec<ShardPlace>, ShardError> {
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
fn sorted_shards(mut paths: Vec<PathBuf>, pattern: &str) -> Result<Vec<ShardPlace>, ShardError> {
    paths.retain(|path| is_shard_name(&path.to_string_lossy()) && path.is_file());
    paths.sort();
    if paths.is_empty() {
        return Err(ShardError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(paths.into_iter().map(ShardPlace::File).collect())
}

/// Whether a folder or a glob takes the file at this path for a shard, by its name.
pub(super) fn is_shard_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.') && SHARD_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn bad_pattern(pattern: &str, problem: String) -> ShardError {
    ShardError::BadPattern { pattern: without_secrets(pattern), problem }
}

fn io_error(path: &Path, source: std::io::Error) -> ShardError {
    ShardError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
