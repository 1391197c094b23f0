//! Guidance in a pipeline file: which terms are in use, and their keys, which the terms declare.

use super::bases::Bases;
use super::document::{Document, Entry, GUIDANCE, nearest, section_of};
use super::error::{Origin, Problem};
use super::guidance_scale::{scale_keys, take_interval, take_schedule};
use super::key_doc::{KeyDoc, full_name};
use super::section::Section;
use super::sections::Generate;
use crate::models::guidance::{
    DEFAULT_GUIDANCE, PRESETS, PUBLISHED, Preset, SCALED, TermDoc, TermKey, TermSettings,
    TermValue, preset, terms,
};
use std::path::Path;

/// The keys of [generate] that belong to the published pull.
const PULL: [&str; 2] = ["gamma", "guidance_fraction"];

/// How guidance is written, for the reference.
pub(super) const NOTATIONS: &str = "\n## Guidance\n\n\
    Which terms guide an image, in one of three notations; docs/guidance.md says what the terms do and which to take.\n\n\
    - A preset: `guidance = \"NAME\"` above all sections, or `--set guidance=NAME`.\n\
    - A list of all terms: `[[guidance]]` entries, each with `term = \"NAME\"` and keys of that term. Terms that are not\n\
      \x20 listed are off. The order of entries changes nothing.\n\
    - Tables of single keys: `[guidance.TERM]`, or `--set guidance.TERM.key=value`, which change a preset or a list. They\n\
      \x20 take a term into use where they give it a strength. TOML allows no tables beside `guidance = \"NAME\"` in one file.\n\n\
    The table `[guidance]` has keys of its own for the guidance scale: `cfg_interval` and `cfg_schedule`.\n\n\
    `--set guidance=…` takes the place of all that the file says of guidance. A pipeline that gives `gamma`,\n\
    `guidance_fraction` or `guidance.published.schedule` and says nothing else of guidance has the preset `\"scaled\"`.\n";

/// How images are guided.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Guidance {
    /// The terms in use and their keys.
    #[serde(flatten)]
    pub terms: TermSettings,
    /// Guidance scales over the run, in place of one; empty where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cfg_schedule: Vec<f64>,
}

impl Default for Guidance {
    fn default() -> Self {
        let terms = preset(DEFAULT_GUIDANCE).map(Preset::settings).unwrap_or_default();
        Self { terms, cfg_schedule: Vec::new() }
    }
}

/// The key `guidance` above all sections.
pub(super) fn choice() -> KeyDoc {
    let names: Vec<String> = PRESETS.iter().map(|preset| format!("{:?}", preset.name)).collect();
    KeyDoc {
        section: "".into(),
        key: GUIDANCE,
        kind: format!("a preset ({}), or a list of terms", names.join(", ")),
        default: format!("{DEFAULT_GUIDANCE:?}"),
        doc: "How images are guided: a set of terms by name. Terms and other notations: see Guidance below.\n",
        choices: PRESETS.iter().map(|preset| (preset.name, preset.about)).collect(),
    }
}

/// The keys of all terms.
pub(super) fn term_keys() -> Vec<KeyDoc> {
    let described = |(term, key): (TermDoc, &'static TermKey)| KeyDoc {
        section: section_of(term.name).into(),
        key: key.name,
        kind: match key.off {
            Some(off) => {
                format!("{} (`{}` where the term is not listed)", key.kind.words(), key.show(off))
            }
            None => key.kind.words(),
        },
        default: key.show(key.default),
        doc: key.doc,
        choices: Vec::new(),
    };
    terms().flat_map(|term| term.keys.iter().map(move |key| (term, key))).map(described).collect()
}

/// What the term of a section does; empty for other sections.
pub(super) fn about(section: &str) -> String {
    let term = terms().find(|term| section_of(term.name) == section);
    term.map_or_else(String::new, |term| format!("\n{}\n", term.about))
}

impl Guidance {
    /// What `document` says of guidance.
    pub(super) fn read(document: &Document, problems: &mut Vec<Problem>) -> Self {
        let mut guidance = Self {
            terms: base(document, problems),
            cfg_schedule: take_schedule(document, problems),
        };
        for term in terms() {
            for key in term.keys {
                match read(document, &term, key) {
                    Ok(Some(value)) => guidance.terms.set(term.name, key, value),
                    Ok(None) => {}
                    Err(problem) => problems.push(problem),
                }
            }
        }
        take_interval(document, &mut guidance.terms, problems);
        guidance
    }

    /// A setting of the published pull that is given although the pull is off.
    pub(super) fn idle_pull(&self, document: &Document) -> Option<Problem> {
        if self.terms.is_used(PUBLISHED) {
            return None;
        }
        let (key, origin) = PULL.into_iter().find_map(|key| {
            let entry = document.get("generate", key)?;
            (entry.origin != Origin::Absent).then(|| (key, entry.origin.clone()))
        })?;
        Some(Problem {
            origin,
            message: format!(
                "`generate.{key}` belongs to the published pull, which is not among the terms of guidance"
            ),
            hint: Some(format!(
                "remove `{key}` (the strength of the term anchor is `guidance.anchor.strength`), or take the pull: \
                 `guidance = {SCALED:?}`"
            )),
        })
    }

    /// Keys that are given of terms that are off.
    pub(super) fn without_effect(&self, document: &Document) -> Vec<String> {
        let off = terms().filter(|term| !self.terms.is_used(term.name));
        off.filter_map(|term| {
            let section = section_of(term.name);
            let given = term.keys.iter().find(|key| document.gives(given(&section, key)))?;
            let switches = term.keys.iter().filter(|key| key.off.is_some());
            let switches: Vec<String> = switches.map(|key| full_name(&section, key.name)).collect();
            Some(format!(
                "{section}.{} has no effect: the term {} is off; set {}",
                given.name,
                term.name,
                switches.join(" or ")
            ))
        })
        .collect()
    }
}

/// What `sets`, as of `--set`, say of guidance and of the pull's settings in [generate], without a pipeline file.
///
/// # Errors
/// What is wrong, in words.
pub fn guidance_of(sets: &[String]) -> Result<(Guidance, Generate), String> {
    let pull = Generate::keys().into_iter().filter(|key| PULL.contains(&key.key));
    let known: Vec<KeyDoc> =
        pull.chain([choice()]).chain(scale_keys()).chain(term_keys()).collect();
    let (mut document, mut problems) = (Document::default(), Vec::new());
    for set in sets {
        problems.extend(document.set(set, &known).err());
    }
    let bases = Bases { file: Path::new(""), flag: Path::new("") };
    let generate = Generate::read(&document, bases, &mut problems);
    let guidance = Guidance::read(&document, &mut problems);
    problems.extend(guidance.idle_pull(&document));
    let told = |problem: &Problem| match &problem.hint {
        Some(hint) => format!("{}: {hint}", problem.message),
        None => problem.message.clone(),
    };
    match problems.first() {
        Some(first) => Err(told(first)),
        None => Ok((guidance, generate)),
    }
}

fn given<'a>(section: &'a str, key: &'a TermKey) -> impl Fn(&str, &str) -> bool + 'a {
    move |of, name| of == section && name == key.name
}

/// The terms that a preset or a list takes into use, their keys apart.
fn base(document: &Document, problems: &mut Vec<Problem>) -> TermSettings {
    let named = |name: &str| preset(name).map(Preset::settings);
    let Some(entry) = document.get("", GUIDANCE) else {
        let name = if implies_the_pull(document) { SCALED } else { DEFAULT_GUIDANCE };
        return named(name).unwrap_or_default();
    };
    match &entry.value {
        toml::Value::Array(listed) => {
            let listed: Vec<&str> = listed.iter().filter_map(toml::Value::as_str).collect();
            let mut settings = TermSettings::default();
            let terms = terms().filter(|term| listed.contains(&term.name));
            terms.for_each(|term| settings.choose(&term));
            settings
        }
        value => named(value.as_str().unwrap_or_default()).unwrap_or_else(|| {
            problems.push(no_preset(entry));
            TermSettings::default()
        }),
    }
}

/// Whether settings of the published pull are given and nothing else of guidance.
fn implies_the_pull(document: &Document) -> bool {
    let of_pull = section_of(PUBLISHED);
    let pull = |section: &str, key: &str| {
        section == of_pull || (section == "generate" && PULL.contains(&key))
    };
    let other = |section: &str, _: &str| section.starts_with("guidance.") && section != of_pull;
    document.gives(pull) && !document.gives(other)
}

fn no_preset(entry: &Entry) -> Problem {
    let names: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
    let given = entry.value.as_str().unwrap_or_default();
    let hint = match terms().find(|term| term.name == given) {
        Some(term) => {
            format!("{given} is a term: write [[guidance]] with `term = {:?}`", term.name)
        }
        None => nearest(given, names.iter().cloned())
            .unwrap_or_else(|| format!("the presets are {}", names.join(", "))),
    };
    let message = format!("no preset of guidance is called {}", entry.value);
    Problem { origin: entry.origin.clone(), message, hint: Some(hint) }
}

/// The value that `document` gives `key` of `term`.
fn read(document: &Document, term: &TermDoc, key: &TermKey) -> Result<Option<TermValue>, Problem> {
    let section = section_of(term.name);
    let Some(entry) = document.get(&section, key.name) else { return Ok(None) };
    let number = entry.value.as_float().or_else(|| entry.value.as_integer().map(|i| i as f64));
    let taken = match (entry.value.as_str(), number) {
        (Some(word), _) => key.kind.choice(word),
        (None, Some(number)) => key.kind.number(number),
        (None, None) => None,
    };
    let wrong = || {
        let name = full_name(&section, key.name);
        let message = format!("`{name}` must be {}, is {}", key.kind.words(), entry.value);
        Problem { origin: entry.origin.clone(), message, hint: None }
    };
    taken.map(Some).ok_or_else(wrong)
}
