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
use super::hub::instead_of;
use super::joined::split_joined;
use super::pattern_list::read_list;
use super::place::ShardPlace;
use super::remote;
use super::retry::Retry;
use crate::objects::{asked, is_store, is_url, without_secrets_in};

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
/// - several of these joined by `::`, as WebDataset has it (not after `pipe:`, within a URL's host or behind its `?`).
///
/// Relative paths start at `base`. Patterns keep the order of the list and braces their own; what
/// a glob or a folder finds is sorted by path.
///
/// # Errors
/// Names the pattern at fault: an empty list, a kind that is not read, unbalanced braces, a file that
/// does not exist, a glob or folder without a shard or with a link that leads nowhere, a shard listed twice, a server that gives no
/// list.
pub fn expand_sources(
    base: &Path,
    patterns: &[String],
    retry: Retry,
) -> Result<Vec<ShardPlace>, ShardError> {
    expand_sources_telling(base, patterns, retry, &mut Vec::new())
}

/// As [`expand_sources`]; puts into `told` what folders and globs found and did not take, a sentence each.
///
/// # Errors
/// As [`expand_sources`].
pub fn expand_sources_telling(
    base: &Path,
    patterns: &[String],
    retry: Retry,
    told: &mut Vec<String>,
) -> Result<Vec<ShardPlace>, ShardError> {
    if patterns.is_empty() {
        return Err(ShardError::NoPatterns);
    }
    let mut expansion = Expansion { base: base.to_owned(), retry, told };
    let mut shards = Vec::new();
    let mut listed_by = HashMap::new();
    for pattern in patterns {
        for place in expansion.pattern(pattern)? {
            if let Some(first) = listed_by.insert(identity(&place)?, pattern) {
                let (first, second) = (without_secrets_in(first), without_secrets_in(pattern));
                return Err(ShardError::ListedTwice { shard: place.to_string(), first, second });
            }
            shards.push(place);
        }
    }
    Ok(shards)
}

/// The place, a file by its one true path, a web address by what is asked of the server.
fn identity(place: &ShardPlace) -> Result<ShardPlace, ShardError> {
    match place {
        ShardPlace::Url(url) => Ok(ShardPlace::Url(asked(url))),
        ShardPlace::File(path) => {
            let path = fs::canonicalize(path).map_err(|source| io_error(path, source))?;
            Ok(ShardPlace::File(path))
        }
        other => Ok(other.clone()),
    }
}

/// Patterns under way.
struct Expansion<'t> {
    base: PathBuf,
    retry: Retry,
    told: &'t mut Vec<String>,
}

impl Expansion<'_> {
    fn pattern(&mut self, pattern: &str) -> Result<Vec<ShardPlace>, ShardError> {
        if let Some(found) = self.existing(pattern, pattern)? {
            return Ok(found);
        }
        if let Some(file) = pattern.strip_prefix('@') {
            let (base, patterns) = read_list(&self.base.join(file), pattern)?;
            let mut inner = Expansion { base, retry: self.retry, told: &mut *self.told };
            let mut shards = Vec::new();
            for pattern in patterns {
                shards.extend(inner.pattern(&pattern)?);
            }
            return Ok(shards);
        }
        let mut shards = Vec::new();
        for one in split_joined(pattern) {
            for name in expand_braces(one).map_err(|problem| bad_pattern(one, problem))? {
                shards.extend(self.name(&name, pattern)?);
            }
        }
        Ok(shards)
    }

    /// What one name without braces stands for.
    fn name(&mut self, name: &str, pattern: &str) -> Result<Vec<ShardPlace>, ShardError> {
        if let Some(found) = self.existing(name, pattern)? {
            return Ok(found);
        }
        if name == "-" {
            return Ok(vec![ShardPlace::Stdin]);
        }
        if let Some(command) = name.strip_prefix("pipe:") {
            let (command, folder) = (command.to_owned(), self.base.clone());
            return Ok(vec![ShardPlace::Pipe { command, folder }]);
        }
        if is_url(name) {
            let many = name.ends_with('/') || name.contains(['*', '?', '[']);
            let urls = match many && is_store(name) {
                true => remote::list(name, self.retry, self.told)?,
                false => vec![name.to_owned()],
            };
            return Ok(urls.into_iter().map(ShardPlace::Url).collect());
        }
        let path = match name.strip_prefix("file:") {
            // `file://host/path` does not exist in practice; `file:///path` and `file:path` do.
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None => name,
        };
        if path.is_empty() || ["://", "hf:", "ais:"].iter().any(|mark| path.contains(mark)) {
            return Err(of_no_kind(path, pattern));
        }
        match self.existing(path, pattern)? {
            Some(found) => Ok(found),
            None if path.contains(['*', '?', '[']) => self.glob(path, pattern),
            None => {
                let path = self.base.join(path);
                Err(ShardError::Missing { pattern: without_secrets_in(pattern), path })
            }
        }
    }

    /// The file of this name, or a folder's shards; `None` if nothing has this name.
    fn existing(
        &mut self,
        name: &str,
        pattern: &str,
    ) -> Result<Option<Vec<ShardPlace>>, ShardError> {
        let path = self.base.join(name);
        if name.is_empty() || !path.exists() {
            return Ok(None);
        }
        if !path.is_dir() {
            return Ok(Some(vec![ShardPlace::File(path)]));
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
            let entry = entry.map_err(|source| io_error(&path, source))?;
            found.push(entry.path());
        }
        self.shards_of(found, pattern).map(Some)
    }

    fn glob(&mut self, name: &str, pattern: &str) -> Result<Vec<ShardPlace>, ShardError> {
        let base = self.base.to_str().ok_or_else(|| {
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
        self.shards_of(found, pattern)
    }

    /// The files that are named like shards, sorted; none is an error, as is a link that leads nowhere.
    fn shards_of(
        &mut self,
        mut found: Vec<PathBuf>,
        pattern: &str,
    ) -> Result<Vec<ShardPlace>, ShardError> {
        found.sort();
        let (mut shards, mut passed_over) = (Vec::new(), Vec::new());
        for path in found {
            let name = path.to_string_lossy();
            if is_shard_name(&name) && path.is_file() {
                shards.push(ShardPlace::File(path));
            } else if is_shard_name(&name) && !path.exists() {
                let pattern = pattern.to_owned();
                return Err(ShardError::Dangling { pattern, path });
            } else if path.is_dir() || may_be_shard(&name) {
                passed_over.push(name.into_owned());
            }
        }
        if shards.is_empty() {
            return Err(ShardError::NoMatch { pattern: without_secrets_in(pattern) });
        }
        self.told.extend(told_of(pattern, &passed_over));
        Ok(shards)
    }
}

/// What is said of what a folder or a glob found beside shards; nothing where there was nothing.
pub(super) fn told_of(pattern: &str, passed_over: &[String]) -> Option<String> {
    if passed_over.is_empty() {
        return None;
    }
    let names = passed_over.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
    let names: Vec<&str> = names.take(10).collect();
    let more = if passed_over.len() > names.len() { ", …" } else { "" };
    Some(format!(
        "warning: {} more in `{}` are no shards by their name and are not read: {}{more} (read are {}; name others one by \
         one)",
        passed_over.len(),
        without_secrets_in(pattern),
        names.join(", "),
        SHARD_ENDINGS.join(", "),
    ))
}

fn of_no_kind(name: &str, pattern: &str) -> ShardError {
    // As it was written, with its braces, where it stands for itself.
    let address =
        if pattern.starts_with("hf://") && !pattern.contains("::") { pattern } else { name };
    match instead_of(address) {
        Some(instead) => ShardError::HuggingFace { pattern: address.to_owned(), instead },
        None => ShardError::UnknownKind { pattern: without_secrets_in(pattern) },
    }
}

/// Whether a file that is not taken for a shard may be one, and is no companion of shards either (`.idx`, `.json`, …).
pub(super) fn may_be_shard(path: &str) -> bool {
    const BESIDE: [&str; 16] = [
        "idx", "json", "jsonl", "txt", "md", "csv", "tsv", "yaml", "yml", "toml", "log", "parquet",
        "pkl", "sqlite", "md5", "sha256",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    !name.starts_with('.') && !ending.is_empty() && !BESIDE.contains(&ending.as_str())
}

/// Whether a folder or a glob takes the file at this path for a shard, by its name.
pub(super) fn is_shard_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.') && SHARD_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn bad_pattern(pattern: &str, problem: String) -> ShardError {
    ShardError::BadPattern { pattern: without_secrets_in(pattern), problem }
}

fn io_error(path: &Path, source: std::io::Error) -> ShardError {
    ShardError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
