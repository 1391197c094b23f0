//! ImageNet's classes: WordNet ids, the words for each, its usual number, and the usual subsets. The lists are those of
//! `pipelines/classes`.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

const CLASSES: &str = include_str!("../../pipelines/classes/imagenet-1k.tsv");
const SUBSETS: &str = include_str!("../../pipelines/classes/imagenet-subsets.tsv");

/// A class of ImageNet-1K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageNetClass {
    /// Its WordNet id, `n01440764`.
    pub id: &'static str,
    /// Its WordNet synonyms.
    synonyms: &'static str,
    /// Its prompt in this program's lists.
    pub prompt: &'static str,
}

impl ImageNetClass {
    /// Whether `name` is one of its names: a synonym, all of them as one text, or its prompt.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |other: &str| other.trim().eq_ignore_ascii_case(name.trim());
        same(self.prompt) || same(self.synonyms) || self.synonyms.split(',').any(same)
    }
}

/// The thousand classes in their usual order: a class's number is its place.
pub fn imagenet_classes() -> &'static [ImageNetClass] {
    static ALL: OnceLock<Vec<ImageNetClass>> = OnceLock::new();
    ALL.get_or_init(|| lines(CLASSES).filter_map(class_of).collect())
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn class_of(line: &'static str) -> Option<ImageNetClass> {
    let mut fields = line.split('\t');
    let (id, synonyms) = (fields.next()?, fields.next()?);
    let own = fields.next().map(str::trim).filter(|own| !own.is_empty());
    let prompt = own.unwrap_or_else(|| synonyms.split(',').next().unwrap_or(synonyms).trim());
    Some(ImageNetClass { id, synonyms, prompt })
}

/// The class of a WordNet id.
pub fn imagenet_class(id: &str) -> Option<&'static ImageNetClass> {
    static PLACES: OnceLock<HashMap<&'static str, usize>> = OnceLock::new();
    let numbered = || imagenet_classes().iter().enumerate();
    let places = PLACES.get_or_init(|| numbered().map(|(at, class)| (class.id, at)).collect());
    imagenet_classes().get(*places.get(id)?)
}

/// Whether a class key is a WordNet id.
pub fn is_wordnet_id(key: &str) -> bool {
    let digits = key.strip_prefix('n').unwrap_or_default();
    digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A usual subset of ImageNet-1K.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageNetSubset {
    /// Its name, as that of its list in `pipelines/classes`.
    pub name: &'static str,
    /// WordNet ids in the order that papers have.
    pub ids: Vec<&'static str>,
}

/// The subset, or all of ImageNet-1K, that has exactly these classes.
pub fn imagenet_subset(keys: &BTreeSet<&str>) -> Option<ImageNetSubset> {
    let all = || ImageNetSubset {
        name: "imagenet",
        ids: imagenet_classes().iter().map(|class| class.id).collect(),
    };
    let subset = |line: &'static str| {
        let (name, ids) = line.split_once('\t')?;
        Some(ImageNetSubset { name, ids: ids.split_whitespace().collect() })
    };
    let mut subsets = lines(SUBSETS).filter_map(subset).chain([all()]);
    subsets.find(|subset| subset.ids.iter().copied().collect::<BTreeSet<_>>() == *keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_names_and_numbers_belong_together() {
        let all = imagenet_classes();
        assert_eq!(all.len(), 1000);
        assert_eq!((all[0].id, all[0].prompt), ("n01440764", "tench"));
        assert!(all[0].is_called("Tinca tinca") && !all[0].is_called("zero"));
        assert!(all.iter().all(|class| is_wordnet_id(class.id)));
        assert_eq!(
            imagenet_class("n02096294").map(|class| class.prompt),
            Some("Australian terrier")
        );
        assert_eq!(imagenet_class("n00000000"), None);
        assert!(!is_wordnet_id("n0144076") && !is_wordnet_id("x01440764"));
    }

    #[test]
    fn a_subset_is_told_by_its_classes_and_has_its_own_order() {
        let woof: BTreeSet<&str> = lines(SUBSETS)
            .find(|line| line.starts_with("imagewoof\t"))
            .map(|line| line.split_whitespace().skip(1).collect())
            .unwrap();
        let found = imagenet_subset(&woof).unwrap();
        assert_eq!((found.name, found.ids[0]), ("imagewoof", "n02096294"));
        assert_ne!(
            found.ids,
            woof.iter().copied().collect::<Vec<_>>(),
            "its order is no sorted one"
        );
        let all = imagenet_classes().iter().map(|class| class.id).collect();
        assert_eq!(imagenet_subset(&all).map(|all| all.name), Some("imagenet"));
        assert_eq!(imagenet_subset(&BTreeSet::from(["n01440764"])), None);
    }
}
