//! Which source of labels is the likeliest: few values against the samples, present everywhere, a name that fits.

use super::candidates::{candidates, prior};
use crate::config::imagenet_class;
use crate::shards::{LabelSource, Sample};
use crate::text::printable;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A source that was tried.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Candidate {
    pub(crate) source: LabelSource,
    /// Samples that have a label there.
    pub(crate) present: usize,
    /// Samples that were tried.
    pub(crate) tried: usize,
    /// Different labels among them.
    pub(crate) distinct: usize,
    /// Whether it can be the class.
    pub(crate) accepted: bool,
    /// Why, or why not.
    pub(crate) verdict: String,
    /// The label of each sample.
    #[serde(skip)]
    values: Vec<Option<String>>,
    #[serde(skip)]
    standing: (u8, u32),
}

/// A source that fewer samples have is none.
const LEAST_SHARE: f64 = 0.9;
/// A source is a class by its name from here on, whatever its values are.
const CLASS_BY_NAME: u32 = 80;
/// Fewer samples say nothing of how often labels repeat.
const LEAST_SAMPLES: usize = 8;
/// A class key that is a WordNet id of ImageNet's outweighs a name that fits a little better.
const WORDNET_BONUS: u32 = 25;

/// The sources that `samples` may have, the likeliest first.
pub(super) fn rank(samples: &[Sample]) -> Vec<Candidate> {
    let mut all: Vec<Candidate> =
        candidates(samples).into_iter().map(|source| judge(source, samples)).collect();
    all.sort_by_key(|candidate| Reverse(candidate.standing));
    let mut kept: Vec<Candidate> = Vec::new();
    for mut candidate in all {
        let same = kept.iter().find(|other| other.present > 0 && other.values == candidate.values);
        if let Some(same) = same.filter(|_| candidate.accepted) {
            candidate.accepted = false;
            candidate.verdict = format!("says the same as {}", same.source);
        }
        kept.push(candidate);
    }
    let best = kept.iter().position(|candidate| candidate.accepted);
    for (at, candidate) in kept.iter_mut().enumerate() {
        if Some(at) != best && candidate.accepted {
            candidate.accepted = false;
            candidate.verdict = format!("possible too: {}", candidate.verdict);
        }
    }
    kept.sort_by_key(|candidate| Reverse(candidate.accepted));
    kept
}

fn judge(source: LabelSource, samples: &[Sample]) -> Candidate {
    let values: Vec<Option<String>> =
        samples.iter().map(|sample| source.label(sample).ok()).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let (tried, present, distinct) = (values.len(), values.iter().flatten().count(), counts.len());
    let known = counts.keys().filter(|value| imagenet_class(value).is_some()).count();
    let bonus = if present > 0 && known == distinct { WORDNET_BONUS } else { 0 };
    let certain = bonus > 0 || prior(&source) >= CLASS_BY_NAME;
    let (tier, verdict) = verdict(&source, (tried, present, distinct), &counts, certain);
    let standing = (tier, prior(&source) + bonus);
    Candidate { accepted: tier > 0, source, present, tried, distinct, verdict, standing, values }
}

/// How good a source is (0 for none), and why.
fn verdict(
    source: &LabelSource,
    (tried, present, distinct): (usize, usize, usize),
    counts: &BTreeMap<&str, usize>,
    certain: bool,
) -> (u8, String) {
    let examples: Vec<String> =
        counts.keys().take(3).map(|value| format!("{:?}", printable(value))).collect();
    let more = if distinct > 3 { ", …" } else { "" };
    let shown = format!("{}{more}", examples.join(", "));
    if present == 0 {
        return (0, "no sample has it".to_owned());
    }
    if (present as f64) < LEAST_SHARE * tried as f64 {
        return (0, format!("{} of {tried} samples lack it", tried - present));
    }
    if present >= LEAST_SAMPLES && 2 * distinct > present {
        let why = "nearly every sample has its own, as names and captions are";
        // What is called a class may have a sample or two of each.
        let tier = u8::from(certain);
        return (tier, format!("{distinct} values in {present} samples: {why} ({shown})"));
    }
    if prior(source) == 0 {
        return (0, format!("by its name it is no class ({shown})"));
    }
    if distinct == 1 {
        return (1, format!("{present} of {tried} samples have it, and all the same: {shown}"));
    }
    (2, format!("{present} of {tried} samples have it, {distinct} different: {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::SampleMember;

    fn sample(key: String, members: &[(&str, String)]) -> Sample {
        let members = members.iter().map(|(name, text)| SampleMember::new(*name, text.as_bytes()));
        Sample { key, members: members.collect(), ..Sample::default() }
    }

    fn best(samples: &[Sample]) -> (String, Vec<Candidate>) {
        let all = rank(samples);
        let best = all.first().filter(|best| best.accepted);
        (best.map_or_else(String::new, |best| best.source.to_string()), all)
    }

    fn verdict_of<'a>(all: &'a [Candidate], source: &str) -> &'a str {
        &all.iter().find(|one| one.source.to_string() == source).unwrap().verdict
    }

    #[test]
    fn a_class_repeats_and_a_caption_does_not() {
        let samples: Vec<Sample> = (0..40)
            .map(|n| {
                let caption = format!("a picture of thing {n}");
                let json = format!(r#"{{"width": 64, "label": "c{}", "id": {n}}}"#, n % 4);
                sample(format!("{n:06}"), &[("txt", caption), ("json", json)])
            })
            .collect();
        let (source, all) = best(&samples);
        assert_eq!(source, "json:label");
        assert!(verdict_of(&all, "txt").contains("its own"), "{all:?}");
        assert!(verdict_of(&all, "json:width").contains("no class"), "{all:?}");
        assert_eq!(verdict_of(&all, "cls"), "no sample has it");
    }

    #[test]
    fn a_part_of_the_key_is_the_last_resort() {
        let samples: Vec<Sample> =
            (0..40).map(|n| sample(format!("n0144{:04}_{n}", n % 2 * 3000), &[])).collect();
        let (source, all) = best(&samples);
        assert_eq!(source, "key");
        assert_eq!(verdict_of(&all, "key:first"), "says the same as key");
        let labelled: Vec<Sample> = (0..40)
            .map(|n| sample(format!("x{}_{n}", n % 3), &[("cls", (n % 5).to_string())]))
            .collect();
        assert_eq!(best(&labelled).0, "cls");
    }

    #[test]
    fn what_is_called_a_class_may_have_one_sample_of_each() {
        let samples: Vec<Sample> = (0..40)
            .map(|n| {
                sample(format!("{n:06}"), &[("cls", n.to_string()), ("txt", format!("thing {n}"))])
            })
            .collect();
        assert_eq!(best(&samples).0, "cls");
    }

    #[test]
    fn nothing_is_chosen_where_nothing_is_a_class() {
        let samples: Vec<Sample> = (0..40)
            .map(|n| sample(format!("{n:06}"), &[("json", format!(r#"{{"width": {}}}"#, n % 3))]))
            .collect();
        assert_eq!(best(&samples).0, "");
        let half: Vec<Sample> = (0..40)
            .map(|n| match n % 2 {
                0 => sample(format!("{n:06}"), &[("cls", "7".to_owned())]),
                _ => sample(format!("{n:06}"), &[]),
            })
            .collect();
        assert!(verdict_of(&best(&half).1, "cls").contains("20 of 40 samples lack it"));
    }
}
