//! What is written as a class's label, and what a user should know of it.

use super::classes::ClassList;
use crate::text::{printable, visible};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Classes named in one warning.
const NAMED: usize = 8;

/// The whole number that a class key stands for, as it is written as a label: `7`, `-1` and `007` as they are, `+7`, `7.0`
/// and what has characters around it that nobody sees as `7`. `None` for any other key.
pub(super) fn whole_number(key: &str) -> Option<Cow<'_, str>> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(key.strip_prefix('-').unwrap_or(key)) {
        return Some(key.into());
    }
    let seen = visible(key);
    let (sign, size) = match seen.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", seen.strip_prefix('+').unwrap_or(&seen)),
    };
    let (whole, rest) = size.split_once('.').unwrap_or((size, ""));
    let fine = digits(whole) && rest.bytes().all(|byte| byte == b'0');
    let sign = if whole.bytes().all(|byte| byte == b'0') { "" } else { sign };
    fine.then(|| format!("{sign}{whole}").into())
}

impl ClassList {
    /// What is written as `.cls` for the class at `position`: its key where every key is a whole number, so that
    /// labels stay what they were; else the position.
    pub fn label(&self, position: usize) -> String {
        let number = self.classes().get(position).and_then(|class| whole_number(&class.key));
        match number.filter(|_| self.labels_are_keys()) {
            Some(number) => number.into_owned(),
            None => position.to_string(),
        }
    }

    /// What a user should know of the labels of these classes, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let keys = || self.classes().iter().map(|class| class.key.as_str());
        let mut warnings = Vec::new();
        let (odd, whole): (Vec<&str>, Vec<&str>) =
            keys().partition(|key| whole_number(key).is_none());
        if !odd.is_empty() && odd.len() < whole.len() {
            warnings.push(format!(
                "{} of {} classes have whole numbers for labels and {} do not ({}): the labels of all are replaced by \
                 positions from 0, which the `.classes.json` beside the shards lists. Mend the odd labels, or leave them \
                 out (a class list and skip_others), and labels stay what they are",
                whole.len(),
                self.classes().len(),
                odd.len(),
                names(&odd)
            ));
        }
        for alike in groups(keys(), |key| Some(visible(key))) {
            warnings.push(format!(
                "classes that differ only in invisible characters: {}; correct the labels in the data if they are \
                 meant to be one",
                names(&alike)
            ));
        }
        let number = |key: &str| Some(whole_number(key)?.trim_start_matches('0').to_owned());
        for alike in groups(keys(), number).filter(|_| odd.is_empty()) {
            if alike.iter().any(|key| visible(key) != visible(alike[0])) {
                warnings.push(format!(
                    "classes that are one number, written in several ways, get one label and are distilled apart: {}; \
                     mend the labels in the data if they are meant to be one",
                    names(&alike)
                ));
            }
        }
        if whole.contains(&"-1") && !whole.iter().any(|key| key.starts_with('-') && *key != "-1") {
            warnings.push(
                "label -1 is distilled as a class like any other; where it marks images without a label, leave it out: \
                 a class list and skip_others"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// Keys of which several have the same `of`.
fn groups<'k>(
    keys: impl Iterator<Item = &'k str>,
    of: impl Fn(&str) -> Option<String>,
) -> impl Iterator<Item = Vec<&'k str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for key in keys {
        if let Some(of) = of(key) {
            groups.entry(of).or_default().push(key);
        }
    }
    groups.into_values().filter(|group| group.len() > 1)
}

fn names(keys: &[&str]) -> String {
    let shown: Vec<String> =
        keys.iter().take(NAMED).map(|key| format!("`{}`", printable(key))).collect();
    shown.join(", ") + if keys.len() > NAMED { ", …" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[&str]) -> ClassList {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        ClassList::from_keys(&keys)
    }

    fn labels(keys: &[&str]) -> Vec<String> {
        let list = list(keys);
        (0..keys.len()).map(|position| list.label(position)).collect()
    }

    #[test]
    fn whole_numbers_stay_what_they_are_however_they_are_written() {
        assert_eq!(labels(&["0", "10", "2"]), ["0", "10", "2"]);
        assert_eq!(labels(&["-1", "0", "10"]), ["-1", "0", "10"]);
        assert_eq!(
            labels(&["007", "+7", "7.0", "8\u{feff}", "-0", "-2.00"]),
            ["007", "7", "7", "8", "-0", "-2"]
        );
        assert_eq!(labels(&["0.0", "1.0", "10.0"]), ["0", "1", "10"]);
        for odd in ["none", "nan", "7.5", "1e3", "", "-", "+", ".0", "7 0", "٣", "--1"] {
            assert_eq!(labels(&["3", odd]), ["0", "1"], "{odd}");
        }
        assert_eq!(labels(&["n02", "n01"]), ["0", "1"]);
    }

    #[test]
    fn one_odd_label_among_numbers_is_told_and_names_among_names_are_not() {
        for odd in ["none", "nan", "7.5"] {
            let warnings = list(&["0", "1", odd]).warnings().concat();
            assert!(warnings.contains("positions from 0") && warnings.contains(odd), "{warnings}");
        }
        for keys in
            [&["0", "1", "10"][..], &["cat", "dog"], &["cat", "dog", "404"], &["0.0", "1.0"]]
        {
            assert_eq!(list(keys).warnings(), Vec::<String>::new(), "{keys:?}");
        }
        assert!(list(&["-1", "0", "1"]).warnings().concat().contains("label -1"));
    }

    #[test]
    fn classes_that_look_the_same_are_told() {
        let warnings = list(&["7", "7\u{200b}", "8"]).warnings().concat();
        assert!(warnings.contains("invisible characters: `7`, `7\\u{200b}`"), "{warnings}");
        let warnings = list(&["dog", "do\u{202e}g"]).warnings().concat();
        assert!(warnings.contains("`do\\u{202e}g`"), "{warnings}");
        for pair in [["7", "7.0"], ["7", "+7"], ["007", "7"]] {
            let warnings = list(&[pair[0], pair[1], "8"]).warnings().concat();
            assert!(warnings.contains("one number"), "{pair:?}: {warnings}");
        }
    }
}
