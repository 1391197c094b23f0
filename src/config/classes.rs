//! Class lists: which classes, in which order, and what each is called in a prompt.

use super::class::Class;
use super::class_labels::whole_number;
use super::class_line::{Parts, first_line, is_synset, line_of, parse_line};
use crate::store::file_stem;
use crate::text::plain_text;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Whether a class key, escaped and with a rank and an extension, fits into a tar member's name of 100 bytes.
pub fn key_fits(key: &str) -> bool {
    file_stem(key).len() <= 80
}

/// Why a class list can't be used; each names the line.
#[derive(Debug, thiserror::Error)]
pub enum ClassListError {
    /// The file could not be read.
    #[error("cannot read the class list {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is wrong, or the text.
    #[error("{path}:{line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// No class in it.
    #[error("{path} lists no class: write one class a line, as `key, prompt`")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Classes in the order of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassList {
    classes: Vec<Class>,
    places: HashMap<String, usize>,
    /// Keys that are no whole numbers.
    odd: usize,
    /// Whether a line of it says more than a key.
    separated: bool,
}

impl ClassList {
    /// Reads the list at `path`: `key, prompt` or `key, prompt | supercategory` a line; without a comma (or a tab)
    /// the line is key and prompt; `#` starts a comment at the beginning of a line. A key with a comma, a `#` in front or
    /// blanks around it stands in quotation marks, as in CSV.
    ///
    /// # Errors
    /// If it can't be read, is no UTF-8, lists nothing, or has a key twice.
    pub fn load(path: &Path) -> Result<Self, ClassListError> {
        let bytes = std::fs::read(path)
            .map_err(|source| ClassListError::Read { path: path.to_owned(), source })?;
        let text = plain_text(&bytes).map_err(|(line, message)| ClassListError::Line {
            path: path.to_owned(),
            line,
            message,
        })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ClassListError> {
        let wrong = |line, message| ClassListError::Line { path: path.to_owned(), line, message };
        if text.trim_start().starts_with(['{', '['])
            && serde_json::from_str::<serde_json::Value>(text).is_ok()
        {
            let message =
                "the class list is JSON: write one class a line as text, as `key, prompt`";
            return Err(wrong(1, message.to_owned()));
        }
        let says = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let by_blank = text.lines().filter(|line| says(line)).all(is_synset);
        let mut list = Self::default();
        let (mut rest, mut number) = (text, 1);
        while !rest.is_empty() {
            let (line, behind) = first_line(rest);
            let (here, taken) = (number, line.matches('\n').count() + 1);
            (rest, number) = (behind, number + taken);
            if says(line) {
                let parts = parse_line(line, by_blank);
                let added = parts.and_then(|parts| list.add(parts));
                added.map_err(|message| wrong(here, message))?;
            }
        }
        if list.classes.is_empty() {
            return Err(ClassListError::Empty { path: path.to_owned() });
        }
        Ok(list)
    }

    fn add(&mut self, parts: Parts) -> Result<(), String> {
        let Parts { key, prompt, supercategory } = parts;
        if key.trim().is_empty() {
            return Err("the class key is blank".to_owned());
        }
        if !key_fits(&key) {
            return Err(format!("the class key `{key}` is too long for a file name"));
        }
        if self.places.contains_key(&key) {
            return Err(format!("the class `{key}` is listed twice"));
        }
        self.separated |= prompt.is_some();
        let prompt = prompt.unwrap_or_else(|| one_line(&key));
        self.push(&key, &prompt, supercategory.as_deref());
        Ok(())
    }

    /// The list as text: what [`ClassList::load`] reads as the same classes.
    pub fn to_text(&self) -> String {
        self.classes.iter().map(line_of).collect()
    }

    /// What its keys look like, for who looks up one that it doesn't have.
    pub fn looks(&self) -> String {
        let keys: Vec<String> =
            self.classes.iter().take(3).map(|c| format!("{:?}", c.key)).collect();
        let more = if self.classes.len() > 3 { ", …" } else { "" };
        let hint = match self.separated {
            true => "",
            false => "; no line of it has a comma: write `key, prompt`",
        };
        format!("its keys are {}{more}{hint}", keys.join(", "))
    }

    /// A list of `keys` that are their own prompts: what a data set without a class list has.
    pub fn from_keys<'a>(keys: impl IntoIterator<Item = &'a String>) -> Self {
        Self::from_pairs(keys.into_iter().map(|key| (key.as_str(), key.as_str())))
    }

    /// The list, in which a class whose key is the number of one of `names` has that name for its prompt.
    pub(crate) fn with_names(mut self, names: &[String]) -> Self {
        for class in &mut self.classes {
            let number = class.key.parse::<usize>().ok();
            if let Some(name) =
                number.and_then(|number| names.get(number)).filter(|n| !n.is_empty())
            {
                class.prompt = one_line(name);
            }
        }
        self
    }

    /// A list of keys and prompts.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut list = Self { separated: true, ..Self::default() };
        pairs.into_iter().for_each(|(key, prompt)| list.push(key, prompt, None));
        list
    }

    fn push(&mut self, key: &str, prompt: &str, supercategory: Option<&str>) {
        self.places.insert(key.to_owned(), self.classes.len());
        self.odd += usize::from(whole_number(key).is_none());
        self.classes.push(Class {
            key: key.to_owned(),
            prompt: prompt.to_owned(),
            supercategory: supercategory.map(str::to_owned),
        });
    }

    /// The classes in order.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Where `key` stands in the list.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Whether labels are the keys: all of them are whole numbers.
    pub fn labels_are_keys(&self) -> bool {
        self.odd == 0
    }
}

/// A key as a prompt: a line break in it would end the prompt's line.
fn one_line(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
#[path = "classes_tests.rs"]
mod tests;
