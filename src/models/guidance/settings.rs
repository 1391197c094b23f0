//! Settings of guidance: the scales that every run has, and the keys that terms declare for themselves.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::TERMS;

/// A key of a term, declared by the term that reads it.
#[derive(Debug, PartialEq)]
pub struct TermKey {
    /// The key.
    pub name: &'static str,
    /// What it accepts.
    pub kind: TermKind,
    /// Its value where the term is chosen and none is given.
    pub default: TermValue,
    /// The value that means that the term is not in use, if the key says so: its value where the term is not chosen.
    pub off: Option<TermValue>,
    /// What it does, for the reference of settings.
    pub doc: &'static str,
}

/// A term as settings and their reference know it.
#[derive(Debug, Clone, Copy)]
pub struct TermDoc {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [TermKey],
}

/// What a key accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TermKind {
    /// A number within these bounds.
    Number {
        /// The least.
        least: f64,
        /// The greatest.
        most: f64,
    },
    /// A whole number within these bounds.
    Whole {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TermValue {
    /// A number.
    Number(f64),
    /// A word.
    Choice(&'static str),
}

/// The values of all terms' keys. Without any, no term is in use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TermSettings {
    /// By term and key. A key that is not here has its `off` value, or else its default.
    set: BTreeMap<(&'static str, &'static str), TermValue>,
}

/// Settings of guidance in a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GuidanceSettings {
    /// Classifier-free scale w.
    pub cfg: f32,
    /// w of each step in place of `cfg`; empty where it is one.
    pub cfg_by_step: Vec<f32>,
    /// Share of guidance rescale, 0 for none.
    pub rescale: f32,
    /// Alignment scale γ; 0 turns the pull towards the anchor off.
    pub gamma: f32,
    /// Fraction of the run in which the pull acts ("GTP"), 0 to 1.
    pub fraction: f64,
    /// What the terms' own keys say.
    pub terms: TermSettings,
}

impl TermKind {
    /// What is accepted, in words.
    pub fn words(self) -> String {
        match self {
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Self::Choice(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                match &quoted[..] {
                    [others @ .., last] if !others.is_empty() => {
                        format!("{} or {last}", others.join(", "))
                    }
                    _ => quoted.concat(),
                }
            }
        }
    }

    /// Takes a number as a value, if it is accepted.
    pub fn number(self, number: f64) -> Option<TermValue> {
        match self {
            Self::Number { least, most } if (least..=most).contains(&number) => {
                Some(TermValue::Number(number))
            }
            Self::Whole { least, most }
                if number.fract() == 0.0
                    && (f64::from(least)..=f64::from(most)).contains(&number) =>
            {
                Some(TermValue::Number(number))
            }
            _ => None,
        }
    }

    /// Takes a word as a value, if it is accepted.
    pub fn choice(self, word: &str) -> Option<TermValue> {
        match self {
            Self::Choice(names) => names.iter().find(|n| **n == word).map(|n| TermValue::Choice(n)),
            Self::Number { .. } | Self::Whole { .. } => None,
        }
    }

    /// Whether a value is accepted.
    pub fn takes(self, value: &TermValue) -> bool {
        match value {
            TermValue::Number(number) => self.number(*number).is_some(),
            TermValue::Choice(word) => self.choice(word).is_some(),
        }
    }
}

impl TermKey {
    /// A value as a pipeline file has it.
    pub fn show(&self, value: TermValue) -> String {
        match (self.kind, value) {
            (TermKind::Whole { .. }, TermValue::Number(number)) => format!("{number:.0}"),
            (_, value) => value.to_string(),
        }
    }
}

impl std::fmt::Display for TermValue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number:?}"),
            Self::Choice(word) => write!(out, "{word:?}"),
        }
    }
}

impl TermSettings {
    /// Takes `term` into use, its keys at their defaults where none is set.
    pub fn choose(&mut self, term: &TermDoc) {
        for key in term.keys {
            self.set.entry((term.name, key.name)).or_insert(key.default);
        }
    }

    /// Sets `key` of `term`.
    pub fn set(&mut self, term: &'static str, key: &TermKey, value: TermValue) {
        self.set.insert((term, key.name), value);
    }

    /// The value of `key` of `term`.
    pub fn get(&self, term: &str, key: &TermKey) -> TermValue {
        let set = self.set.iter().find(|((of, name), _)| *of == term && *name == key.name);
        set.map_or(key.off.unwrap_or(key.default), |(_, value)| *value)
    }

    /// The value of a key that accepts numbers; 0 for any other.
    pub fn number(&self, term: &str, key: &TermKey) -> f64 {
        match self.get(term, key) {
            TermValue::Number(number) => number,
            TermValue::Choice(_) => 0.0,
        }
    }

    /// The value of a key that accepts whole numbers; 0 for any other.
    pub fn whole(&self, term: &str, key: &TermKey) -> usize {
        self.number(term, key) as usize
    }

    /// The value of a key that accepts words; empty for any other.
    pub fn choice(&self, term: &str, key: &TermKey) -> &'static str {
        match self.get(term, key) {
            TermValue::Choice(word) => word,
            TermValue::Number(_) => "",
        }
    }

    /// Whether the term of this name is in use.
    pub fn is_used(&self, term: &str) -> bool {
        let differs = |key: &TermKey| key.off.is_some_and(|off| self.get(term, key) != off);
        terms().any(|one| one.name == term && one.keys.iter().any(differs))
    }

    /// The keys of the terms that are in use, with their values: what an image depends on. A term that is not in use
    /// leaves no trace, so that a new one changes no earlier run.
    pub fn in_use(&self) -> impl Iterator<Item = (&'static str, &'static str, TermValue)> {
        let used = terms().filter(|term| self.is_used(term.name));
        used.flat_map(|term| term.keys.iter().map(move |key| (term.name, key)))
            .map(|(term, key)| (term, key.name, self.get(term, key)))
    }

    /// Whether images of a class depend on each other: they are denoised in fixed groups of the class then.
    pub fn couples(&self) -> bool {
        TERMS.iter().any(|term| term.couples() && self.is_used(term.name()))
    }

    /// These settings without the terms that leave out steps or rows, to measure what a whole step takes.
    pub fn of_whole_steps(&self) -> Self {
        let leaves_out =
            |name: &str| TERMS.iter().any(|term| term.name() == name && term.leaves_out_work());
        let kept = self.set.iter().filter(|((term, _), _)| !leaves_out(term));
        Self { set: kept.map(|(key, value)| (*key, *value)).collect() }
    }

    /// Whether an anchor of `length` values serves for latents of `shape`: a whole one, or a pooled one that all terms in
    /// use that read anchors can do with.
    pub(crate) fn takes_anchor(&self, shape: [usize; 3], length: usize) -> bool {
        let used = TERMS.iter().filter(|term| self.is_used(term.name()));
        let takes: Vec<bool> =
            used.filter_map(|term| term.takes_pooled(self, shape, length)).collect();
        length == shape.iter().product::<usize>()
            || (!takes.is_empty() && takes.into_iter().all(|takes| takes))
    }
}

impl Serialize for TermSettings {
    /// Terms in use with all their keys.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut used: BTreeMap<&str, BTreeMap<&str, TermValue>> = BTreeMap::new();
        for (term, key, value) in self.in_use() {
            used.entry(term).or_default().insert(key, value);
        }
        used.serialize(serializer)
    }
}

/// All terms, in the order in which they act.
pub fn terms() -> impl Iterator<Item = TermDoc> {
    let described = |term: &&dyn super::GuidanceTerm| (term.name(), term.about(), term.keys());
    TERMS.iter().map(described).map(|(name, about, keys)| TermDoc { name, about, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRENGTH: TermKey = TermKey {
        name: "strength",
        kind: TermKind::Number { least: 0.0, most: 1.0 },
        default: TermValue::Number(0.25),
        off: Some(TermValue::Number(0.0)),
        doc: "How strong.",
    };

    #[test]
    fn keys_say_what_they_accept_and_take_nothing_else() {
        let shape = TermKind::Choice(&["flat", "sigma", "kernel"]);
        assert_eq!(shape.words(), "\"flat\", \"sigma\" or \"kernel\"");
        assert_eq!(shape.choice("sigma"), Some(TermValue::Choice("sigma")));
        assert_eq!((shape.choice("cosine"), shape.number(1.0)), (None, None));
        assert_eq!(STRENGTH.kind.words(), "a number from 0 to 1");
        assert_eq!(STRENGTH.kind.number(0.5), Some(TermValue::Number(0.5)));
        assert_eq!((STRENGTH.kind.number(1.5), STRENGTH.kind.choice("flat")), (None, None));
    }

    #[test]
    fn a_term_is_off_until_it_is_chosen_or_its_switch_set() {
        let mut settings = TermSettings::default();
        assert_eq!(settings.number("anchor", &STRENGTH), 0.0);
        assert_eq!((settings.in_use().count(), settings.couples()), (0, false));
        let anchor = terms().find(|term| term.name == "anchor").unwrap();
        settings.set("anchor", &anchor.keys[2], TermValue::Number(0.5));
        assert!(!settings.is_used("anchor"), "`from` alone takes no term into use");
        settings.choose(&anchor);
        assert_eq!(settings.number("anchor", &anchor.keys[0]), 1.0);
        assert_eq!(settings.number("anchor", &anchor.keys[2]), 0.5);
        assert_eq!(settings.in_use().count(), anchor.keys.len());
        settings.set("anchor", &anchor.keys[0], TermValue::Number(0.0));
        assert_eq!(settings.in_use().count(), 0);
        assert_eq!(settings.get("anchor", &anchor.keys[2]).to_string(), "0.5");
        settings.set("repulsion", &anchor.keys[0], TermValue::Number(0.1));
        assert!(settings.couples());
    }

    #[test]
    fn keys_of_a_term_have_different_names_and_every_term_can_be_off() {
        for term in terms() {
            let mut names: Vec<&str> = term.keys.iter().map(|key| key.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), term.keys.len(), "{}", term.name);
            assert!(term.keys.iter().any(|key| key.off.is_some()), "{}", term.name);
            let accepted = |key: &TermKey| {
                key.kind.takes(&key.default) && key.off.is_none_or(|off| key.kind.takes(&off))
            };
            assert!(term.keys.iter().all(accepted), "{}", term.name);
            let mut settings = TermSettings::default();
            settings.choose(&term);
            assert!(settings.is_used(term.name), "{}", term.name);
        }
    }
}
