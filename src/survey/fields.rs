//! Names of the fields of `.json` members that may be labels.

use crate::text::decoded;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fields that are tried.
const MOST: usize = 64;

/// Adds the names of fields with a text or a whole number: those of the document, and those of objects in it.
pub(super) fn add_fields(json: &[u8], names: &mut BTreeSet<String>) {
    let Some(text) = decoded(json) else { return };
    // Only names are wanted: what Python writes for no number does no harm.
    let plain =
        text.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null");
    let Ok(Value::Object(document)) = serde_json::from_str(&plain) else { return };
    for (name, value) in document {
        match value {
            Value::Object(inner) => {
                let inner = inner.into_iter().filter(|(_, value)| is_label(value));
                names.extend(inner.map(|(below, _)| format!("{name}.{below}")));
            }
            value if is_label(&value) => {
                names.insert(name);
            }
            _ => {}
        }
        if names.len() > MOST {
            return;
        }
    }
}

fn is_label(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Number(number) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_can_name_a_class_are_found() {
        let mut names = BTreeSet::new();
        let json = br#"{"label": 7, "p": 0.5, "q": NaN, "tags": ["a"], "meta": {"wnid": "n01", "ok": true}, "none": null}"#;
        add_fields(json, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["label", "meta.wnid"]);
        let mut none = BTreeSet::new();
        add_fields(b"[1]", &mut none);
        add_fields(b"{", &mut none);
        assert!(none.is_empty());
    }
}
