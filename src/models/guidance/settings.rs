//! Settings of guidance: the scales that every run has, and the keys that terms declare for themselves.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::TERMS;

/// A key of the section `[guidance]`, declared by the term that reads it.
#[derive(Debug, PartialEq)]
pub struct TermKey {
    /// The key.
    pub name: &'static str,
    /// What it accepts.
    pub kind: TermKind,
    /// Its value where none is given.
    pub default: TermValue,
    /// What it does, for the reference of settings.
    pub doc: &'static str,
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

/// The values of all keys of `[guidance]`; those not set have their defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TermSettings {
    set: BTreeMap<&'static str, TermValue>,
}

/// Settings of guidance in a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GuidanceSettings {
    /// Classifier-free scale w.
    pub cfg: f32,
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
            _ => None,
        }
    }

    /// Takes a word as a value, if it is accepted.
    pub fn choice(self, word: &str) -> Option<TermValue> {
        match self {
            Self::Choice(names) => names.iter().find(|n| **n == word).map(|n| TermValue::Choice(n)),
            Self::Number { .. } => None,
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
    /// Sets `key`.
    pub fn set(&mut self, key: &TermKey, value: TermValue) {
        self.set.insert(key.name, value);
    }

    /// The value of `key`.
    pub fn get(&self, key: &TermKey) -> TermValue {
        self.set.get(key.name).copied().unwrap_or(key.default)
    }

    /// The value of a key that accepts numbers; 0 for any other.
    pub fn number(&self, key: &TermKey) -> f64 {
        match self.get(key) {
            TermValue::Number(number) => number,
            TermValue::Choice(_) => 0.0,
        }
    }

    /// The value of a key that accepts words; empty for any other.
    pub fn choice(&self, key: &TermKey) -> &'static str {
        match self.get(key) {
            TermValue::Choice(word) => word,
            TermValue::Number(_) => "",
        }
    }

    /// The keys of the terms that are in use, with their values: what an image depends on. A term that is not in use
    /// leaves no trace, so that a new one changes no earlier run.
    pub fn in_use(&self) -> impl Iterator<Item = (&'static str, TermValue)> {
        let terms = TERMS.iter().filter(|term| term.is_used(self));
        terms.flat_map(|term| term.keys()).map(|key| (key.name, self.get(key)))
    }
}

impl Serialize for TermSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(term_keys().map(|key| (key.name, self.get(key))))
    }
}

/// The keys of all terms, in the order of the terms.
pub fn term_keys() -> impl Iterator<Item = &'static TermKey> {
    TERMS.iter().flat_map(|term| term.keys())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRENGTH: TermKey = TermKey {
        name: "strength",
        kind: TermKind::Number { least: 0.0, most: 1.0 },
        default: TermValue::Number(0.25),
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
    fn a_key_has_its_default_until_it_is_set() {
        let mut settings = TermSettings::default();
        assert_eq!(settings.number(&STRENGTH), 0.25);
        settings.set(&STRENGTH, TermValue::Number(0.75));
        assert_eq!(settings.number(&STRENGTH), 0.75);
        assert_eq!(settings.get(&STRENGTH).to_string(), "0.75");
    }

    #[test]
    fn keys_of_all_terms_have_different_names() {
        let mut names: Vec<&str> = term_keys().map(|key| key.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
