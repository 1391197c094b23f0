//! Names of what `init` writes, and of what it writes about.

use crate::objects::without_secrets;
use std::path::Path;

/// A path or pattern that is relative to `here`, made to hold in another folder.
pub(super) fn rebased(pattern: &str, here: &Path) -> String {
    if pattern.starts_with("pipe:") || pattern.contains("://") {
        return pattern.to_owned();
    }
    if let Some(list) = pattern.strip_prefix('@') {
        return format!("@{}", rebased(list, here));
    }
    if pattern.contains("::") {
        let parts: Vec<String> = pattern.split("::").map(|part| rebased(part, here)).collect();
        return parts.join("::");
    }
    let path = pattern.strip_prefix("file:").unwrap_or(pattern);
    here.join(path).display().to_string()
}

/// A name for the set, by the data's first pattern.
pub(super) fn name_of(patterns: &[String]) -> String {
    let first = patterns.first().map_or("", String::as_str);
    if first.starts_with("pipe:") {
        return "mine".to_owned();
    }
    let first = without_secrets(first);
    let first = first.trim_start_matches('@').trim_end_matches('/');
    let last = first.rsplit('/').next().unwrap_or_default();
    let last = last.split(['{', '*', '?', '[']).next().unwrap_or_default();
    let stem = last.split('.').next().unwrap_or_default();
    let without_number = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if without_number.is_empty() { stem } else { without_number };
    plain(stem.trim_end_matches(['-', '_']))
}

/// A text as the name of a set: what a file's name can't hold becomes `-`.
pub(super) fn plain(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "mine".to_owned() } else { name.to_owned() }
}

/// A word of a shell's command line.
pub(super) fn shell(word: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,".contains(c);
    match !word.is_empty() && word.chars().all(fits) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_named_by_its_data() {
        let name = |pattern: &str| name_of(&[pattern.to_owned()]);
        for (pattern, is) in [
            ("shards/train-{000..001}.tar", "train"),
            ("data/cifar10-*.tar.zst", "cifar10"),
            ("https://me:pass@host/a/birds-000.tar?sig=x", "birds"),
            ("photos/", "photos"),
            ("s3://bucket/set/*.tar", "mine"),
            ("pipe:cat x", "mine"),
            ("my pets.tar", "my-pets"),
            ("000.tar", "000"),
        ] {
            assert_eq!(name(pattern), is, "{pattern}");
        }
    }

    #[test]
    fn patterns_hold_in_another_folder() {
        let here = Path::new("/here");
        for (pattern, is) in [
            ("a-{0..1}.tar", "/here/a-{0..1}.tar"),
            ("/x/a.tar", "/x/a.tar"),
            ("@list", "@/here/list"),
            ("a.tar::b.tar", "/here/a.tar::/here/b.tar"),
            ("https://h/a.tar", "https://h/a.tar"),
            ("pipe:cat a.tar", "pipe:cat a.tar"),
        ] {
            assert_eq!(rebased(pattern, here), is);
        }
        assert_eq!(shell("a b'c"), "'a b'\\''c'");
    }
}
