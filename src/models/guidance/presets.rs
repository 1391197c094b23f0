//! Guidance by name: terms and the keys that differ from their defaults.

use super::settings::{TermSettings, TermValue, terms};

/// Guidance by name: `guidance = "NAME"`.
#[derive(Debug)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its terms, and what their keys are that differ from the defaults.
    pub terms: &'static [(&'static str, &'static [(&'static str, TermValue)])],
}

/// The guidance of a pipeline that says nothing of it.
pub const DEFAULT_GUIDANCE: &str = "stop";

/// The guidance of a pipeline that gives settings of the published pull and says nothing else of guidance.
pub const SCALED: &str = "scaled";

/// All of them.
pub static PRESETS: [Preset; 4] = [
    Preset {
        name: "stop",
        about: "the term anchor, wholly while σ is above 0.34 × side/8 and then not at all: the anchor gives the layout, \
                the model the detail",
        terms: &[("anchor", &[])],
    },
    Preset {
        name: SCALED,
        about: "the published pull with the schedule `\"scaled\"`, by `gamma` and `guidance_fraction` of [generate]",
        terms: &[("published", &[])],
    },
    Preset {
        name: "published",
        about: "the published pull with the schedule `\"sigma\"`, as the published program has it",
        terms: &[("published", &[("schedule", TermValue::Choice("sigma"))])],
    },
    Preset { name: "none", about: "no term: plain generation", terms: &[] },
];

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// What it sets.
    pub fn settings(&self) -> TermSettings {
        let mut settings = TermSettings::default();
        for (name, values) in self.terms {
            for term in terms().filter(|term| term.name == *name) {
                settings.choose(&term);
                for (key, value) in *values {
                    term.keys.iter().filter(|one| one.name == *key).for_each(|one| {
                        settings.set(term.name, one, *value);
                    });
                }
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_name_terms_and_keys_that_there_are() {
        for preset in &PRESETS {
            for (name, values) in preset.terms {
                let term = terms().find(|term| term.name == *name).unwrap();
                for (key, value) in *values {
                    let key = term.keys.iter().find(|one| one.name == *key).unwrap();
                    assert!(key.kind.takes(value), "{}.{}", name, key.name);
                }
            }
            let used: Vec<&str> = preset.terms.iter().map(|(name, _)| *name).collect();
            let settings = preset.settings();
            assert_eq!(
                terms().map(|t| t.name).filter(|t| settings.is_used(t)).collect::<Vec<_>>(),
                used
            );
        }
        assert!(preset(DEFAULT_GUIDANCE).is_some());
    }
}
