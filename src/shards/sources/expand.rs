//! From the user's list of patterns to a list of shards.
//!
//! WebDataset itself knows braces but no globs and takes an unmatched glob for a file name; here
//! every pattern must lead to at least one shard, local ones must exist, and no shard may be
//! reached twice.

use super::local::existing;
use super::{KINDS, Search, ShardPlace};
use crate::objects::without_secrets_in;
use crate::shards::braces::expand_braces;
use crate::shards::error::ShardError;
use crate::shards::joined::split_joined;
use crate::shards::pattern_list::read_list;
use crate::shards::retry::Retry;
use std::collections::HashMap;
use std::path::Path;

/// Expands patterns into shards, in order.
///
/// A pattern is one of
/// - a path, a path with braces (`train-{000000..000123}.tar`), a path with globs (`*`, `?`, `[…]`,
///   `**`), or a folder; `file:` before it changes nothing. A name that exists as it stands is taken
///   as it stands, whatever characters it has;
/// - a URL (`http://`, `https://`, `s3://`, `gs://`, `az://`), or an address on the Hugging Face hub
///   (`hf://datasets/OWNER/NAME/PATH`), with braces; in all but the first two, globs and folders (with
///   their closing `/`) are looked up on the server;
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
    expand_sources_with_warnings(base, patterns, retry, &mut Vec::new())
}

/// As [`expand_sources`]; adds to `warnings` a sentence for each folder or glob with files that it passed over.
///
/// # Errors
/// As [`expand_sources`].
pub fn expand_sources_with_warnings(
    base: &Path,
    patterns: &[String],
    retry: Retry,
    warnings: &mut Vec<String>,
) -> Result<Vec<ShardPlace>, ShardError> {
    if patterns.is_empty() {
        return Err(ShardError::NoPatterns);
    }
    let mut shards = Vec::new();
    let mut listed_by = HashMap::new();
    for pattern in patterns {
        for place in expand(base, pattern, retry, warnings)? {
            if let Some(first) = listed_by.insert(canonical(&place)?, pattern) {
                let (first, second) = (without_secrets_in(first), without_secrets_in(pattern));
                return Err(ShardError::ListedTwice { shard: place.to_string(), first, second });
            }
            shards.push(place);
        }
    }
    Ok(shards)
}

fn canonical(place: &ShardPlace) -> Result<ShardPlace, ShardError> {
    Ok(place.source().canonical()?.unwrap_or_else(|| place.clone()))
}

/// The shards of one pattern.
fn expand(
    base: &Path,
    pattern: &str,
    retry: Retry,
    warnings: &mut Vec<String>,
) -> Result<Vec<ShardPlace>, ShardError> {
    let (base, written) = (base.to_owned(), pattern.to_owned());
    let mut search = Search { base, retry, pattern: written, warnings };
    if let Some(found) = existing(&mut search, pattern)? {
        return Ok(found);
    }
    let mut shards = Vec::new();
    if let Some(file) = pattern.strip_prefix('@') {
        let (base, patterns) = read_list(&search.base.join(file), pattern)?;
        for pattern in patterns {
            shards.extend(expand(&base, &pattern, retry, search.warnings)?);
        }
        return Ok(shards);
    }
    for one in split_joined(pattern) {
        let names = expand_braces(one).map_err(|problem| ShardError::BadPattern {
            pattern: without_secrets_in(one),
            problem,
        })?;
        for name in names {
            shards.extend(search.shards_of(&name)?);
        }
    }
    Ok(shards)
}

impl Search<'_> {
    /// The shards of a name whose braces are expanded.
    fn shards_of(&mut self, name: &str) -> Result<Vec<ShardPlace>, ShardError> {
        if let Some(found) = existing(self, name)? {
            return Ok(found);
        }
        let of_kind = KINDS.iter().find_map(|kind| (kind.expand)(self, name));
        of_kind.unwrap_or_else(|| Err(unknown_kind(&self.pattern)))
    }
}

fn unknown_kind(pattern: &str) -> ShardError {
    let known: Vec<&str> = KINDS.iter().rev().map(|kind| kind.written).collect();
    ShardError::UnknownKind { pattern: without_secrets_in(pattern), known: known.join(", ") }
}

#[cfg(test)]
#[path = "expand_tests.rs"]
mod tests;
