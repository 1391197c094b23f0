//! Keys that no two files have in common.

use super::key::sample_key;
use super::listing::Entry;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// A key for each entry. Where several files come to one, the first keeps it, and the others have the first number behind
/// it with which no file's key ends; these are named.
pub(crate) fn distinct_keys(entries: &[Entry]) -> (Vec<String>, Vec<(PathBuf, String)>) {
    let natural: Vec<String> =
        entries.iter().map(|entry| sample_key(&entry.path, &entry.class)).collect();
    let taken: HashSet<&str> = natural.iter().map(String::as_str).collect();
    let mut uses: HashMap<&str, usize> = HashMap::with_capacity(natural.len());
    let (mut keys, mut numbered) = (Vec::with_capacity(natural.len()), Vec::new());
    for (entry, key) in entries.iter().zip(&natural) {
        let number = uses.entry(key).or_insert(0);
        *number += 1;
        if *number == 1 {
            keys.push(key.clone());
            continue;
        }
        // With `-`: a class that is taken from the key ends at its last `_`.
        let mut own = format!("{key}-{number}");
        while taken.contains(own.as_str()) {
            *number += 1;
            own = format!("{key}-{number}");
        }
        numbered.push((entry.path.clone(), own.clone()));
        keys.push(own);
    }
    (keys, numbered)
}
