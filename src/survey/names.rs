//! What the classes are called: a list beside the shards, ImageNet's names, another part of the samples, or the keys
//! themselves.

use super::beside::{Beside, counted, lists};
use super::candidates::candidates;
use super::count::Counted;
use crate::config::{imagenet_class, imagenet_classes, imagenet_subset};
use crate::shards::{LabelSource, Sample, ShardPlace};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of classes, in the order of the class list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ClassNames {
    /// Key and name of each class.
    pub(crate) pairs: Vec<(String, String)>,
    /// Where they come from.
    pub(crate) from: Named,
    /// Classes of the list that no sample has.
    pub(crate) without_samples: usize,
}

/// Where names come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Named {
    /// A class list that a pipeline takes as it is.
    List(PathBuf),
    /// A list of another form.
    Other(PathBuf),
    /// ImageNet's, or the subset of this name, by WordNet ids.
    WordNet(String),
    /// ImageNet's by numbers from 0 to 999.
    Numbers,
    /// The metadata of Parquet files, by number.
    Metadata,
    /// Another source of the same samples, which has one value for each class.
    Source(String),
    /// None: the keys are the names.
    Keys,
}

/// What names are looked for in, beside the samples.
pub(super) struct NamedIn<'a> {
    /// The list that is to be written, which names nothing.
    pub(super) own_list: &'a Path,
    pub(super) places: &'a [ShardPlace],
    /// Names by number, of the shards' own metadata.
    pub(super) metadata: Option<Vec<String>>,
}

/// Names for the classes that were counted.
pub(super) fn names(
    of: &NamedIn<'_>,
    label: &LabelSource,
    samples: &[Sample],
    counted: &Counted,
) -> ClassNames {
    let keys: BTreeSet<&str> = counted.classes.keys().map(String::as_str).collect();
    by_list(of.own_list, of.places, &keys)
        .or_else(|| by_metadata(of.metadata.as_deref()?, &keys, counted.exact))
        .or_else(|| by_wordnet(&keys, counted.exact))
        .or_else(|| by_source(label, samples, &keys))
        .or_else(|| by_number(&keys))
        .unwrap_or_else(|| ClassNames {
            pairs: sorted(&keys).into_iter().map(|key| (key.clone(), key)).collect(),
            from: Named::Keys,
            without_samples: 0,
        })
}

impl ClassNames {
    /// The counts in the order of the list.
    pub(super) fn in_order(&self, counted: &Counted) -> Vec<(String, u64)> {
        let count = |key: &String| counted.classes.get(key).copied().unwrap_or(0);
        let listed = self.pairs.iter().map(|(key, _)| (key.clone(), count(key)));
        listed.filter(|(key, _)| counted.has(key)).collect()
    }

    /// Whether the list is known to be whole although not all samples were read.
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self.from, Named::Source(_) | Named::Keys)
    }
}

/// Whole numbers by size, other keys by name.
fn sorted(keys: &BTreeSet<&str>) -> Vec<String> {
    let mut all: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
    if all.iter().all(|key| key.parse::<i64>().is_ok()) {
        all.sort_by_key(|key| key.parse::<i64>().unwrap_or_default());
    }
    all
}

fn by_list(own_list: &Path, places: &[ShardPlace], keys: &BTreeSet<&str>) -> Option<ClassNames> {
    let own = std::fs::canonicalize(own_list).ok();
    let mut found = lists(places);
    found.retain(|list| own.is_none() || std::fs::canonicalize(&list.path).ok() != own);
    let as_keys = found.iter().find_map(|list| named_by(list, keys));
    as_keys.or_else(|| {
        // By position only where there are as many names as classes.
        let counted =
            found.iter().filter(|list| list.pairs.len() == keys.len()).filter_map(counted);
        counted.into_iter().find_map(|list| named_by(&list, keys))
    })
}

/// The names of a list that has all classes, and not many others: a list of a thousand is no list of these ten digits.
fn named_by(list: &Beside, keys: &BTreeSet<&str>) -> Option<ClassNames> {
    let listed: BTreeSet<&str> = list.pairs.iter().map(|(key, _)| key.as_str()).collect();
    let whole = !keys.is_empty() && keys.is_subset(&listed) && listed.len() == list.pairs.len();
    if !whole || listed.len() > 2 * keys.len().max(5) {
        return None;
    }
    let without_samples = listed.len() - keys.len();
    let mut pairs = list.pairs.clone();
    if list.ready {
        return Some(ClassNames { pairs, from: Named::List(list.path.clone()), without_samples });
    }
    pairs.retain(|(key, name)| keys.contains(key.as_str()) && !name.trim().is_empty());
    let order = sorted(keys);
    pairs.sort_by_key(|(key, _)| order.iter().position(|other| other == key));
    let from = Named::Other(list.path.clone());
    (pairs.len() == keys.len()).then_some(ClassNames { pairs, from, without_samples: 0 })
}

/// Names by the position of a whole list; of classes without samples too, where not all samples were read.
fn by_metadata(names: &[String], keys: &BTreeSet<&str>, exact: bool) -> Option<ClassNames> {
    let numbered: Vec<(String, &String)> =
        names.iter().enumerate().map(|(number, name)| (number.to_string(), name)).collect();
    let known: BTreeSet<&str> = numbered.iter().map(|(number, _)| number.as_str()).collect();
    if keys.is_empty() || !keys.is_subset(&known) || names.iter().any(|name| name.trim().is_empty())
    {
        return None;
    }
    let prompts: Option<Vec<&str>> =
        names.iter().map(|name| Some(imagenet_class(name)?.prompt)).collect();
    let prompts = prompts.unwrap_or_else(|| names.iter().map(String::as_str).collect());
    let pairs = numbered
        .iter()
        .zip(prompts)
        .filter(|((number, _), _)| !exact || keys.contains(number.as_str()));
    let pairs: Vec<(String, String)> =
        pairs.map(|((number, _), prompt)| (number.clone(), prompt.to_owned())).collect();
    let without_samples = pairs.len() - keys.len();
    Some(ClassNames { pairs, from: Named::Metadata, without_samples })
}

fn by_wordnet(keys: &BTreeSet<&str>, exact: bool) -> Option<ClassNames> {
    if keys.is_empty() || keys.iter().any(|key| imagenet_class(key).is_none()) {
        return None;
    }
    let named = |id: &str| Some((id.to_owned(), imagenet_class(id)?.prompt.to_owned()));
    let whole = || imagenet_classes().iter().map(|class| class.id).collect::<BTreeSet<_>>();
    // Of a sample of many classes, those that were not met are there all the same.
    let subset = match imagenet_subset(keys) {
        None if !exact && keys.len() > 100 => imagenet_subset(&whole()),
        found => found,
    };
    let (ids, name): (Vec<&str>, &str) = match &subset {
        Some(subset) => (subset.ids.clone(), subset.name),
        None => (keys.iter().copied().collect(), "imagenet"),
    };
    let without_samples = ids.len() - keys.len();
    let from = Named::WordNet(name.to_owned());
    // Of a sample of few classes it is not known which others there are.
    (exact || subset.is_some()).then_some(())?;
    Some(ClassNames { pairs: ids.into_iter().filter_map(named).collect(), from, without_samples })
}

fn by_number(keys: &BTreeSet<&str>) -> Option<ClassNames> {
    let all = imagenet_classes();
    let numbered = (0..all.len()).all(|number| keys.contains(number.to_string().as_str()));
    (numbered && keys.len() == all.len()).then(|| ClassNames {
        pairs: all
            .iter()
            .enumerate()
            .map(|(number, class)| (number.to_string(), class.prompt.to_owned()))
            .collect(),
        from: Named::Numbers,
        without_samples: 0,
    })
}

/// Names by another source that has exactly one value, a word, for each class.
fn by_source(label: &LabelSource, samples: &[Sample], keys: &BTreeSet<&str>) -> Option<ClassNames> {
    for other in candidates(samples).into_iter().filter(|other| other != label) {
        let Some(of) = one_to_one(label, &other, samples) else { continue };
        let wordnet: Option<Vec<&str>> =
            of.values().map(|name| Some(imagenet_class(name)?.prompt)).collect();
        let words = of.values().all(|name| name.chars().any(char::is_alphabetic));
        // What says the same again names nothing.
        let same = of.iter().all(|(key, name)| key == name);
        if same || !words || !keys.iter().all(|key| of.contains_key(*key)) {
            continue;
        }
        let names: BTreeMap<&String, &str> = match &wordnet {
            Some(prompts) => of.keys().zip(prompts.iter().copied()).collect(),
            None => of.iter().map(|(key, name)| (key, name.as_str())).collect(),
        };
        let pair = |key: String| names.get(&key).map(|name| (key.clone(), (*name).to_owned()));
        let pairs = sorted(keys).into_iter().filter_map(pair).collect();
        return Some(ClassNames {
            pairs,
            from: Named::Source(other.to_string()),
            without_samples: 0,
        });
    }
    None
}

/// The value of `other` for each label, where each label has one and no two labels the same.
fn one_to_one(
    label: &LabelSource,
    other: &LabelSource,
    samples: &[Sample],
) -> Option<BTreeMap<String, String>> {
    let mut of: BTreeMap<String, String> = BTreeMap::new();
    for sample in samples {
        let Ok(key) = label.label(sample) else { continue };
        let name = other.label(sample).ok()?;
        if of.entry(key).or_insert_with(|| name.clone()) != &name {
            return None;
        }
    }
    let distinct: BTreeSet<&String> = of.values().collect();
    (distinct.len() == of.len() && of.len() > 1).then_some(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::SampleMember;

    fn keys<'a>(keys: &[&'a str]) -> BTreeSet<&'a str> {
        keys.iter().copied().collect()
    }

    #[test]
    fn numbers_are_named_by_what_the_samples_say_beside_them() {
        let sample = |class: usize, name: &str| Sample {
            members: vec![
                SampleMember::new("cls", class.to_string()),
                SampleMember::new("txt", name.as_bytes()),
            ],
            ..Sample::default()
        };
        let label: LabelSource = "cls".parse().unwrap();
        let samples = [sample(10, "dog"), sample(2, "cat"), sample(10, "dog")];
        let found = by_source(&label, &samples, &keys(&["10", "2"])).unwrap();
        assert_eq!(found.pairs, [("2".into(), "cat".into()), ("10".into(), "dog".into())]);
        assert_eq!(found.from, Named::Source("txt".into()));
        // A caption is no name, and a name that two classes share is none either.
        let captions = [sample(0, "a dog"), sample(0, "a cat"), sample(1, "x")];
        assert_eq!(by_source(&label, &captions, &keys(&["0", "1"])), None);
        let shared = [sample(0, "dog"), sample(1, "dog")];
        assert_eq!(by_source(&label, &shared, &keys(&["0", "1"])), None);
        let ids = [sample(0, "n01440764"), sample(1, "n01443537")];
        let found = by_source(&label, &ids, &keys(&["0", "1"])).unwrap();
        assert_eq!(found.pairs[1].1, "goldfish");
    }

    #[test]
    fn imagenets_names_are_taken_where_the_labels_are_imagenets() {
        let two = by_wordnet(&keys(&["n01443537", "n01440764"]), true).unwrap();
        assert_eq!(two.pairs[0], ("n01440764".into(), "tench".into()));
        assert_eq!(
            by_wordnet(&keys(&["n01443537", "n01440764"]), false),
            None,
            "others may follow"
        );
        assert_eq!(by_wordnet(&keys(&["n01443537", "dog"]), true), None);
        assert_eq!(by_number(&keys(&["0", "1", "2"])), None, "ten digits are no fish");
        let all: Vec<String> = (0..1000).map(|n: usize| n.to_string()).collect();
        let all = by_number(&all.iter().map(String::as_str).collect()).unwrap();
        assert_eq!((all.from, all.pairs.len()), (Named::Numbers, 1000));
    }

    #[test]
    fn metadata_names_all_classes_where_not_all_samples_were_read() {
        let names = ["zero", "one", "two"].map(str::to_owned);
        let some = by_metadata(&names, &keys(&["1", "2"]), false).unwrap();
        assert_eq!((some.pairs.len(), some.without_samples), (3, 1));
        let all = by_metadata(&names, &keys(&["1", "2"]), true).unwrap();
        assert_eq!(all.pairs, [("1".into(), "one".into()), ("2".into(), "two".into())]);
        assert_eq!(by_metadata(&names, &keys(&["3"]), true), None);
        let ids = ["n01440764", "n01443537"].map(str::to_owned);
        assert_eq!(by_metadata(&ids, &keys(&["1"]), true).unwrap().pairs[0].1, "goldfish");
    }

    #[test]
    fn numbers_are_sorted_as_numbers() {
        assert_eq!(sorted(&keys(&["10", "9", "-1"])), ["-1", "9", "10"]);
        assert_eq!(sorted(&keys(&["b10", "b9"])), ["b10", "b9"]);
    }
}
