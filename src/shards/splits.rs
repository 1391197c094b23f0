//! Parts of a data set (train, test, …) by the names of its files: a folder that holds several is rarely meant as one set.

#[cfg(any(feature = "remote", test))]
use super::shard_name::SHARD_ENDINGS;
use crate::objects::without_secrets_in;
use std::collections::BTreeMap;

/// What names of files and folders call a split, and the split.
const SPLITS: [(&str, &str); 10] = [
    ("train", "train"),
    ("training", "train"),
    ("test", "test"),
    ("testing", "test"),
    ("val", "validation"),
    ("valid", "validation"),
    ("validation", "validation"),
    ("dev", "validation"),
    ("eval", "validation"),
    ("unlabeled", "unlabeled"),
];

/// The split that the file at this path is of: as its own name says, else its innermost folder that says one.
pub(crate) fn split_of(path: &str) -> Option<&'static str> {
    path.rsplit('/').find_map(|name| {
        let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
        words.find_map(|word| {
            let known = SPLITS.iter().find(|(written, _)| word.eq_ignore_ascii_case(written));
            known.map(|(_, split)| *split)
        })
    })
}

/// A warning where one pattern found shards of several splits: a classifier that is tested on what it was trained on looks
/// better than it is.
pub(super) fn splits_warning(pattern: &str, paths: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for split in paths.iter().filter_map(|path| split_of(path)) {
        *counts.entry(split).or_default() += 1;
    }
    if counts.len() < 2 {
        return None;
    }
    let counts: Vec<String> =
        counts.iter().map(|(split, files)| format!("{files} of {split}")).collect();
    Some(format!(
        "warning: `{}` takes shards of several splits as one data set ({}): name those of one by a longer pattern",
        without_secrets_in(pattern),
        counts.join(", ")
    ))
}

/// Patterns that stand for these files of a repository, those of a folder and a split together, each with their number.
#[cfg(any(feature = "remote", test))]
pub(super) fn patterns_of(repository: &str, paths: &[String]) -> Vec<(String, usize)> {
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |split| split);
        let ending = SHARD_ENDINGS.iter().filter(|ending| name.ends_with(**ending));
        let Some(ending) = ending.max_by_key(|ending| ending.len()) else { continue };
        let written =
            name.split(|c: char| !c.is_ascii_alphabetic()).find(|word| split_of(word).is_some());
        let stem = match written {
            Some(word) if name.starts_with(word) => format!("{word}*"),
            Some(word) => format!("*{word}*"),
            None => "*".to_owned(),
        };
        let slash = if folder.is_empty() { "" } else { "/" };
        *groups.entry(format!("{repository}/{folder}{slash}{stem}{ending}")).or_default() += 1;
    }
    groups.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_split_that_its_name_or_a_folder_says() {
        assert_eq!(split_of("data/train-00000-of-00004.parquet"), Some("train"));
        assert_eq!(split_of("imagenet1k-validation-00.tar"), Some("validation"));
        assert_eq!(split_of("mnist/test/0000.parquet"), Some("test"));
        assert_eq!(split_of("train/val-0.tar"), Some("validation"));
        assert_eq!(split_of("trains/latest-0.tar"), None);
    }

    #[test]
    fn a_folder_of_several_splits_is_told() {
        let paths =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let told =
            splits_warning("d/", &paths(&["d/train-0.tar", "d/train-1.tar", "d/test-0.tar"]));
        assert!(told.is_some_and(|told| told.contains("1 of test, 2 of train")));
        assert_eq!(splits_warning("d/", &paths(&["d/train-0.tar", "d/a.tar"])), None);
    }

    #[test]
    fn patterns_stand_for_a_folder_and_a_split() {
        let paths = [
            "data/train-00000.parquet",
            "data/train-00001.parquet",
            "data/test-00000.parquet",
            "x-train-0.tar",
            "more/0000.tar.gz",
            "README.md",
        ];
        let found = patterns_of("hf://datasets/o/n", &paths.map(str::to_owned));
        let found: Vec<(&str, usize)> = found.iter().map(|(p, n)| (p.as_str(), *n)).collect();
        let of = |name: &str| format!("hf://datasets/o/n/{name}");
        let wanted = [
            ("*train*.tar", 1),
            ("data/test*.parquet", 1),
            ("data/train*.parquet", 2),
            ("more/*.tar.gz", 1),
        ];
        let wanted: Vec<(String, usize)> = wanted.iter().map(|(name, n)| (of(name), *n)).collect();
        assert_eq!(found, wanted.iter().map(|(p, n)| (p.as_str(), *n)).collect::<Vec<_>>());
    }
}
