//! A pipeline file as a flat list of `section.key = value`, each knowing where it came from.

mod guidance_notation;

use super::error::{Origin, Problem};
use super::key_doc::KeyDoc;
use super::renamed::renamed;
use guidance_notation::Reading;
pub use guidance_notation::{GUIDANCE, section_of};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// One setting as given, not yet typed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The value in TOML's own types.
    pub value: toml::Value,
    /// Where it was given.
    pub origin: Origin,
}

/// All settings given in a file and on the command line.
#[derive(Debug, Default)]
pub struct Document {
    entries: BTreeMap<(String, String), Entry>,
}

impl Document {
    /// Parses `text`; what can't be parsed or is not a known key lands in `problems`.
    pub fn parse(text: &str, known: &[KeyDoc], problems: &mut Vec<Problem>) -> Self {
        let mut document = Document::default();
        let (root, syntax) = DeTable::parse_recoverable(text);
        for error in &syntax {
            problems.push(Problem {
                origin: at(text, error.span()),
                message: error.message().to_owned(),
                hint: None,
            });
        }
        for (section, body) in root.get_ref() {
            let name: &str = section.get_ref();
            let origin = at(text, Some(section.span()));
            let mut reading = Reading { text, known, problems: &mut *problems };
            if name == GUIDANCE && known.iter().any(|k| k.key == name) {
                document.take_guidance(origin, body.get_ref(), &mut reading);
            } else if known.iter().any(|k| k.section.is_empty() && k.key == name) {
                if let Some(value) = plain(body.get_ref()) {
                    document.entries.insert((String::new(), name.into()), Entry { value, origin });
                }
            } else if !known.iter().any(|k| k.section == name) {
                reading.problems.push(unknown_section(name, origin, known));
            } else if let Some(table) = body.get_ref().as_table() {
                for (key, value) in table {
                    document.take_key(name, key, value, &mut reading);
                }
            } else {
                let message = format!("`{name}` must be a section: write [{name}]");
                reading.wrong(origin, message, None);
            }
        }
        document
    }

    /// Takes one key of a section.
    fn take_key(
        &mut self,
        section: &str,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        reading: &mut Reading<'_>,
    ) {
        let name: &str = key.get_ref();
        let origin = at(reading.text, Some(key.span()));
        if !reading.known.iter().any(|k| k.section == section && k.key == name) {
            reading.problems.push(unknown_key(section, name, origin, reading.known));
            return;
        }
        match plain(value.get_ref()) {
            Some(value) => self.insert(section, name, Entry { value, origin }),
            None => reading.wrong(
                at(reading.text, Some(value.span())),
                format!("`{section}.{name}` has an unreadable value"),
                None,
            ),
        }
    }

    /// Gives a key its value.
    fn insert(&mut self, section: &str, key: &str, entry: Entry) {
        self.entries.insert((section.to_owned(), key.to_owned()), entry);
    }

    /// Whether `wanted` says yes to the section and key of a setting that was given.
    pub fn gives(&self, wanted: impl Fn(&str, &str) -> bool) -> bool {
        let given = self.entries.iter().filter(|(_, entry)| entry.origin != Origin::Absent);
        given.into_iter().any(|((section, key), _)| wanted(section, key))
    }

    /// Applies one `--set KEY=VALUE`; KEY is `section.key`, or a key that only one section has.
    pub fn set(&mut self, argument: &str, known: &[KeyDoc]) -> Result<(), Problem> {
        let fail =
            |message: String, hint: Option<String>| Problem { origin: Origin::Flag, message, hint };
        let Some((name, value)) = argument.split_once('=') else {
            return Err(fail(format!("`{argument}` is not of the form key=value"), None));
        };
        let name = name.trim();
        if name == GUIDANCE && known.iter().any(|k| k.key == name) {
            return self.set_guidance(value.trim(), known);
        }
        let found: Vec<&KeyDoc> =
            known.iter().filter(|k| k.key == name || k.name() == name).collect();
        match found.as_slice() {
            [one] => {
                let id = (one.section.clone().into_owned(), one.key.to_owned());
                let entry = Entry { value: parse_flag(value.trim()), origin: Origin::Flag };
                self.entries.insert(id, entry);
                Ok(())
            }
            [] => {
                let old = name.split_once('.').and_then(|(section, key)| renamed(section, key));
                if let Some((message, hint)) = old {
                    return Err(fail(message, Some(hint)));
                }
                let all: Vec<String> = known.iter().map(KeyDoc::name).collect();
                let tail = known.iter().map(|k| k.key.to_owned());
                let hint = nearest(name, all.iter().cloned().chain(tail));
                Err(fail(format!("no setting is called `{name}`"), hint))
            }
            many => {
                let names: Vec<String> = many.iter().map(|k| k.name()).collect();
                let hint = Some(format!("write {}", names.join(" or ")));
                Err(fail(format!("`{name}` is a key of several sections"), hint))
            }
        }
    }

    /// Gives the keys of `text`, a preset, to all that were not given.
    pub fn fill(&mut self, text: &str, known: &[KeyDoc], problems: &mut Vec<Problem>) {
        for (id, entry) in Self::parse(text, known, problems).entries {
            self.entries.entry(id).or_insert(Entry { origin: Origin::Absent, ..entry });
        }
    }

    /// The setting `section.key`, if it was given.
    pub fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.get(&(section.to_owned(), key.to_owned()))
    }
}

/// A flag's value is TOML where it parses as TOML (`3`, `[1, 2]`, `"x"`), else the bare string.
fn parse_flag(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(s) => toml::Value::String(s.to_string()),
        DeValue::Integer(i) => {
            toml::Value::Integer(i64::from_str_radix(i.as_str(), i.radix()).ok()?)
        }
        DeValue::Float(f) => toml::Value::Float(f.as_str().parse().ok()?),
        DeValue::Boolean(b) => toml::Value::Boolean(*b),
        // An impossible date is an error that is reported already; its value can't be shown.
        DeValue::Datetime(d) => toml::Value::Datetime(d.to_string().parse().ok()?),
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|v| plain(v.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(k, v)| Some((k.get_ref().to_string(), plain(v.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// The place of a span of `text`.
fn at(text: &str, span: Option<Range<usize>>) -> Origin {
    let start = span.map_or(0, |s| s.start).min(text.len());
    let before = text.get(..start).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Origin::File {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

fn unknown_section(name: &str, origin: Origin, known: &[KeyDoc]) -> Problem {
    let names = known.iter().filter(|k| !k.section.is_empty()).map(|k| k.section.to_string());
    let hint = nearest(name, names);
    Problem { origin, message: format!("no section is called [{name}]"), hint }
}

fn unknown_key(section: &str, name: &str, origin: Origin, known: &[KeyDoc]) -> Problem {
    if let Some((message, hint)) = renamed(section, name) {
        return Problem { origin, message, hint: Some(hint) };
    }
    let elsewhere = known.iter().find(|k| k.key == name).map(|k| match &*k.section {
        "" => "it belongs above all sections".to_owned(),
        section => format!("it belongs in [{section}]"),
    });
    let own = known.iter().filter(|k| k.section == section).map(|k| k.key.to_owned());
    let hint = elsewhere.or_else(|| nearest(name, own));
    Problem { origin, message: format!("[{section}] has no key `{name}`"), hint }
}

/// "did you mean `x`?" for the closest of `names`, if one is close at all.
pub fn nearest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names
        .map(|n| (strsim::jaro_winkler(name, &n), n))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, n)| format!("did you mean `{n}`?"))
}
