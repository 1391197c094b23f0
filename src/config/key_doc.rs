//! A setting, as errors and the reference show it.

use std::borrow::Cow;

/// A setting as the reference shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDoc {
    /// The section, without brackets; empty for a key above all sections.
    pub section: Cow<'static, str>,
    /// The key.
    pub key: &'static str,
    /// What is accepted, in words.
    pub kind: String,
    /// The default as it would be written in TOML; empty where the key must be given or is absent by default.
    pub default: String,
    /// What it does.
    pub doc: &'static str,
    /// What can be chosen, and what each does; empty where `doc` says it all.
    pub choices: Vec<(&'static str, &'static str)>,
}

impl KeyDoc {
    /// `section.key`.
    pub fn name(&self) -> String {
        full_name(&self.section, self.key)
    }
}

/// `section.key`, or the bare key above all sections.
pub(super) fn full_name(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}
