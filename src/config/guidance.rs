//! The section `[guidance]`: its keys are those that the terms of guidance declare.

use super::bases::Bases;
use super::document::Document;
use super::error::Problem;
use super::key_doc::{KeyDoc, full_name};
use super::section::Section;
use crate::models::guidance::{TermKey, TermSettings, TermValue, term_keys};

/// How images are guided: `[guidance]`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct Guidance {
    /// The values of all terms' keys.
    pub terms: TermSettings,
}

impl Section for Guidance {
    const NAME: &'static str = "guidance";

    fn keys() -> Vec<KeyDoc> {
        let described = |key: &'static TermKey| KeyDoc {
            section: Self::NAME,
            key: key.name,
            kind: key.kind.words(),
            default: key.default.to_string(),
            doc: key.doc,
            choices: Vec::new(),
        };
        term_keys().map(described).collect()
    }

    fn read(document: &Document, _bases: Bases<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut guidance = Self::default();
        for key in term_keys() {
            match read(document, key) {
                Ok(Some(value)) => guidance.terms.set(key, value),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        guidance
    }
}

/// The value that `document` gives `key`.
fn read(document: &Document, key: &TermKey) -> Result<Option<TermValue>, Problem> {
    let Some(entry) = document.get(Guidance::NAME, key.name) else { return Ok(None) };
    let number = entry.value.as_float().or_else(|| entry.value.as_integer().map(|i| i as f64));
    let taken = match (entry.value.as_str(), number) {
        (Some(word), _) => key.kind.choice(word),
        (None, Some(number)) => key.kind.number(number),
        (None, None) => None,
    };
    let wrong = || {
        let name = full_name(Guidance::NAME, key.name);
        let message = format!("`{name}` must be {}, is {}", key.kind.words(), entry.value);
        Problem { origin: entry.origin.clone(), message, hint: None }
    };
    taken.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::error::Origin;
    use crate::models::guidance::TermKind;

    const KEY: TermKey = TermKey {
        name: "strength",
        kind: TermKind::Number { least: 0.0, most: 1.0 },
        default: TermValue::Number(0.0),
        doc: "How strongly the term acts.",
    };

    #[test]
    fn a_terms_number_is_taken_within_its_bounds() {
        let known = [KeyDoc {
            section: "guidance",
            key: "strength",
            kind: KEY.kind.words(),
            default: KEY.default.to_string(),
            doc: KEY.doc,
            choices: Vec::new(),
        }];
        let found = |text: &str| {
            let document = Document::parse(text, &known, &mut Vec::new());
            read(&document, &KEY).map_err(|problem| (problem.origin, problem.message))
        };
        assert_eq!(found("[guidance]\nstrength = 1"), Ok(Some(TermValue::Number(1.0))));
        assert_eq!(found("[guidance]\nstrength = 0.5"), Ok(Some(TermValue::Number(0.5))));
        assert_eq!(found(""), Ok(None));
        for wrong in ["1.5", "\"flat\"", "true", "nan"] {
            let (origin, message) = found(&format!("[guidance]\nstrength = {wrong}")).unwrap_err();
            assert_eq!(origin, Origin::File { line: 2, column: 1 });
            assert!(message.starts_with("`guidance.strength` must be a number from 0 to 1, is"));
        }
    }
}
