//! The three notations of guidance in a pipeline file: a preset's name, a list of terms, and tables of single keys.
//!
//! All become entries of the document: `guidance` itself, the preset's name or the names of the listed terms, and
//! `guidance.TERM` sections with keys.

use super::{Document, Entry, KeyDoc, Origin, Problem, at, nearest, renamed};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key above all sections that names a preset, and the name of a list's entries.
pub const GUIDANCE: &str = "guidance";

/// The key of a `[[guidance]]` entry that names its term.
const TERM: &str = "term";

/// The section of a term's keys.
pub fn section_of(term: &str) -> String {
    format!("{GUIDANCE}.{term}")
}

/// Where problems of a text go.
pub(super) struct Reading<'a> {
    /// The text, to find lines in.
    pub text: &'a str,
    /// Every key that there is.
    pub known: &'a [KeyDoc],
    /// What is wrong.
    pub problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    /// Notes a problem.
    pub(super) fn wrong(&mut self, origin: Origin, message: String, hint: Option<String>) {
        self.problems.push(Problem { origin, message, hint });
    }

    fn terms(&self) -> impl Iterator<Item = String> + '_ {
        let mut names: Vec<&str> =
            self.known.iter().filter_map(|key| key.section.strip_prefix("guidance.")).collect();
        names.dedup();
        names.into_iter().map(str::to_owned)
    }

    fn is_term(&self, name: &str) -> bool {
        self.terms().any(|term| term == name)
    }

    fn own_keys(&self) -> impl Iterator<Item = String> + '_ {
        self.known.iter().filter(|key| key.section == GUIDANCE).map(|key| key.key.to_owned())
    }

    /// Whether `name` is a key of `[guidance]` itself.
    fn is_own_key(&self, name: &str) -> bool {
        self.own_keys().any(|key| key == name)
    }

    fn no_term(&mut self, name: &str, origin: Origin) {
        let all: Vec<String> = self.terms().collect();
        let hint = nearest(name, all.iter().cloned().chain(self.own_keys()))
            .unwrap_or_else(|| format!("the terms are {}", all.join(", ")));
        self.wrong(origin, format!("no term of guidance is called `{name}`"), Some(hint));
    }
}

impl Document {
    /// Takes what a file says under `guidance`.
    pub(super) fn take_guidance(
        &mut self,
        origin: Origin,
        body: &DeValue<'_>,
        reading: &mut Reading<'_>,
    ) {
        match body {
            DeValue::String(name) => {
                let value = toml::Value::String(name.to_string());
                self.insert("", GUIDANCE, Entry { value, origin });
            }
            DeValue::Array(entries) => self.take_list(origin, entries, reading),
            DeValue::Table(tables) => self.take_tables(tables, reading),
            _ => reading.wrong(
                origin,
                "`guidance` is neither a preset's name nor a list of terms".into(),
                Some(
                    "write `guidance = \"PRESET\"`, or [[guidance]] entries with `term = \"…\"`"
                        .into(),
                ),
            ),
        }
    }

    /// `[[guidance]]` entries: the names of their terms, and the keys of each.
    fn take_list(
        &mut self,
        origin: Origin,
        entries: &[Spanned<DeValue<'_>>],
        reading: &mut Reading<'_>,
    ) {
        let mut listed: Vec<String> = Vec::new();
        for entry in entries {
            let place = at(reading.text, Some(entry.span()));
            let table = entry.get_ref().as_table();
            let Some((table, named)) = table.and_then(|table| Some((table, table.get(TERM)?)))
            else {
                let hint = format!("write `term = \"…\"`: {}", one_of(reading));
                reading.wrong(place, "an entry of `guidance` names no term".into(), Some(hint));
                continue;
            };
            let place = at(reading.text, Some(named.span()));
            let Some(name) = named.get_ref().as_str() else {
                let hint = Some(format!("write {}", one_of(reading)));
                reading.wrong(place, "`term` must be the name of a term".into(), hint);
                continue;
            };
            if !reading.is_term(name) {
                reading.no_term(name, place);
            } else if listed.iter().any(|one| one == name) {
                let hint = Some("give a term one entry".to_owned());
                reading.wrong(place, format!("the term `{name}` is listed twice"), hint);
            } else {
                listed.push(name.to_owned());
                let keys = table.iter().filter(|(key, _)| key.get_ref() != TERM);
                keys.for_each(|(key, value)| self.take_key(&section_of(name), key, value, reading));
            }
        }
        let value = listed.into_iter().map(toml::Value::String).collect();
        self.insert("", GUIDANCE, Entry { value: toml::Value::Array(value), origin });
    }

    /// Keys of `[guidance]` itself, and `[guidance.TERM]` tables.
    fn take_tables(&mut self, tables: &DeTable<'_>, reading: &mut Reading<'_>) {
        for (term, body) in tables {
            let (name, origin) = (term.get_ref(), at(reading.text, Some(term.span())));
            if let Some((message, hint)) = renamed(GUIDANCE, name) {
                reading.wrong(origin, message, Some(hint));
            } else if reading.is_own_key(name) {
                self.take_key(GUIDANCE, term, body, reading);
            } else if !reading.is_term(name) {
                reading.no_term(name, origin);
            } else if let Some(table) = body.get_ref().as_table() {
                table.iter().for_each(|(key, value)| {
                    self.take_key(&section_of(name), key, value, reading);
                });
            } else {
                let hint = Some(format!("write [{}]", section_of(name)));
                reading.wrong(origin, format!("`{}` must be a section", section_of(name)), hint);
            }
        }
    }

    /// `--set guidance=VALUE`: takes the place of all that the file says of guidance.
    pub(super) fn set_guidance(&mut self, value: &str, known: &[KeyDoc]) -> Result<(), Problem> {
        let parses = toml::from_str::<toml::Table>(&format!("v = {value}")).is_ok();
        let value = if parses { value.to_owned() } else { format!("{value:?}") };
        let mut problems = Vec::new();
        let set = Self::parse(&format!("{GUIDANCE} = {value}"), known, &mut problems);
        if let Some(problem) = problems.into_iter().next() {
            return Err(Problem { origin: Origin::Flag, ..problem });
        }
        let kept = |section: &str, entry: &Entry| {
            let of_guidance = section == GUIDANCE || section.starts_with("guidance.");
            !of_guidance || entry.origin == Origin::Flag
        };
        self.entries.retain(|(section, _), entry| kept(section, entry));
        for ((section, key), entry) in set.entries {
            self.insert(&section, &key, Entry { origin: Origin::Flag, ..entry });
        }
        Ok(())
    }
}

fn one_of(reading: &Reading<'_>) -> String {
    reading.terms().collect::<Vec<_>>().join(", ")
}
