//! `merges.txt`: which two tokens make a longer one, the most frequent first.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::models::error::DiffusionError;
use crate::models::json::{config_error, read_bytes};

/// A vocabulary of so many tokens is a real one, of which each longer token has its merge.
const REAL: usize = 1000;
/// Longer tokens without a merge that such a one may have: some were put in by hand.
const BY_HAND: usize = 16;

const END_OF_WORD: &str = "</w>";

/// Reads the merges of `vocabulary`, and refuses what is left of a file that was cut: every word would be split into
/// letters. Tokens that are `known` otherwise (special ones) need none.
pub(super) fn read_merges(
    path: &Path,
    vocabulary: &HashMap<String, u32>,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, DiffusionError> {
    let bytes = read_bytes(path, "the tokenizer's merges (or tokenizer.json instead)")?;
    let text = String::from_utf8(bytes)
        .map_err(|_| config_error(path, "it is no text in UTF-8".to_owned()))?;
    // Lines end as on Unix, Windows or an old Mac.
    let lines = text.split(['\n', '\r']);
    let lines = lines.filter(|line| !line.starts_with("#version") && !line.is_empty());
    let mut merges = Vec::new();
    for line in lines {
        let pair = line.split_once(' ').filter(|(a, b)| !a.is_empty() && !b.is_empty());
        let pair = pair.filter(|(_, b)| !b.contains(' '));
        let Some((first, second)) = pair else {
            return Err(config_error(path, format!("{:?} is no pair of tokens", short(line))));
        };
        let lacking = [first, second, &format!("{first}{second}")]
            .into_iter()
            .find(|token| !vocabulary.contains_key(*token))
            .map(str::to_owned);
        if let Some(lacking) = lacking {
            let line = short(line);
            let reason = format!(
                "{line:?}: vocab.json has no token {lacking:?}: one of the two files is cut short, or of another tokenizer"
            );
            return Err(config_error(path, reason));
        }
        merges.push((first.to_owned(), second.to_owned()));
    }
    complete(path, &merges, vocabulary, known)?;
    Ok(merges)
}

/// That the longer tokens can be made.
fn complete(
    path: &Path,
    merges: &[(String, String)],
    vocabulary: &HashMap<String, u32>,
    known: impl Fn(&str) -> bool,
) -> Result<(), DiffusionError> {
    let made: HashSet<String> = merges.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let letters = |token: &str| token.strip_suffix(END_OF_WORD).unwrap_or(token).chars().count();
    let mut lost: Vec<&String> = vocabulary
        .keys()
        .filter(|token| letters(token) > 1 && !made.contains(*token) && !known(token))
        .collect();
    let allowed = match (merges.is_empty(), vocabulary.len() >= REAL) {
        (true, _) => 0,
        (false, true) => BY_HAND,
        (false, false) => usize::MAX,
    };
    if lost.len() <= allowed {
        return Ok(());
    }
    lost.sort_unstable();
    let (count, lines) = (lost.len(), merges.len());
    let example = lost.first().map_or("", |token| token.as_str());
    let reason = format!(
        "it has {lines} merges, by which {count} tokens of vocab.json can't come about (such as {example:?}): it is cut short or empty"
    );
    Err(config_error(path, reason))
}

/// As much of a line as a message bears.
fn short(line: &str) -> String {
    line.chars().take(40).collect()
}
