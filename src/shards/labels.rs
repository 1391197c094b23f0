//! The class of a sample: where it stands, as a string.
//!
//! Labels stay text (`7`, `n01440764`, `dog`): the class list that they are looked up in is keyed
//! by text, and a number's position means nothing without that list.

use std::fmt;
use std::str::FromStr;

use super::error::ShardError;
use super::fault::FaultReason;
use super::sample::Sample;

/// A label longer than this is a caption or a file, not a class.
const MAX_LABEL_BYTES: usize = 255;

/// Where a sample's class label comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSource {
    /// The text of the member with this extension, without surrounding white space
    /// (`cls`: `"7\n"` is `7`).
    Extension(String),
    /// A top-level field of the `json` member: a string or a whole number.
    Json {
        /// The field's name.
        field: String,
    },
    /// The key itself: the innermost folder (`train/n01440764/12` is `n01440764`), or, without a
    /// folder, what stands before the last `_` (`n01440764_12` is `n01440764`).
    KeyPrefix,
}

impl LabelSource {
    /// Extension of the member that the label needs, if it needs one: pass it to
    /// [`ReadOptions::extensions`](super::ReadOptions::extensions).
    pub fn extension(&self) -> Option<&str> {
        match self {
            Self::Extension(extension) => Some(extension),
            Self::Json { .. } => Some("json"),
            Self::KeyPrefix => None,
        }
    }

    /// The sample's label.
    ///
    /// # Errors
    /// [`FaultReason::NoLabel`] if there is none or it is empty, [`FaultReason::BadLabel`] if
    /// what is there can't name a class.
    pub fn label(&self, sample: &Sample) -> Result<String, FaultReason> {
        let label = match self {
            Self::Extension(extension) => text_label(member(sample, extension)?, extension)?,
            Self::Json { field } => json_label(member(sample, "json")?, field)?,
            Self::KeyPrefix => key_label(&sample.key)?,
        };
        if label.is_empty() {
            return Err(no_label(format!("`{self}` is empty")));
        }
        if label.len() > MAX_LABEL_BYTES || label.chars().any(char::is_control) {
            return Err(bad_label(format!(
                "`{self}` has {} bytes or control characters; it is not the name of a class",
                label.len()
            )));
        }
        Ok(label)
    }
}

impl FromStr for LabelSource {
    type Err = ShardError;

    /// Reads `cls`, `txt` or any extension (a leading dot is dropped), `json:FIELD`, `key`.
    fn from_str(text: &str) -> Result<Self, ShardError> {
        let unknown = || ShardError::BadLabelSource { given: text.to_owned() };
        match text.split_once(':') {
            Some(("json", field)) if !field.is_empty() => {
                Ok(Self::Json { field: field.to_owned() })
            }
            Some(_) => Err(unknown()),
            None if text == "key" => Ok(Self::KeyPrefix),
            None => match text.strip_prefix('.').unwrap_or(text) {
                // A bare `json` would make the whole document the class.
                "" | "json" => Err(unknown()),
                other if other.contains(['/', ' ']) => Err(unknown()),
                extension => Ok(Self::Extension(extension.to_lowercase())),
            },
        }
    }
}

impl serde::Serialize for LabelSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for LabelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(extension) => f.write_str(extension),
            Self::Json { field } => write!(f, "json:{field}"),
            Self::KeyPrefix => f.write_str("key"),
        }
    }
}

fn member<'s>(sample: &'s Sample, extension: &str) -> Result<&'s [u8], FaultReason> {
    sample.get(extension).ok_or_else(|| no_label(format!("there is no `.{extension}` member")))
}

fn text_label(bytes: &[u8], extension: &str) -> Result<String, FaultReason> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| bad_label(format!("member `.{extension}` is not UTF-8 text")))?;
    Ok(unmarked(text).trim().to_owned())
}

/// Without the byte order mark that some programs put in front of every text file.
fn unmarked(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

fn json_label(bytes: &[u8], field: &str) -> Result<String, FaultReason> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let document: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| bad_label(format!("member `.json` can't be parsed: {error}")))?;
    match document.get(field) {
        None | Some(serde_json::Value::Null) => {
            Err(no_label(format!("the `.json` member has no field `{field}`")))
        }
        Some(serde_json::Value::String(text)) => Ok(unmarked(text).trim().to_owned()),
        Some(serde_json::Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
        Some(_) => Err(bad_label(format!("field `{field}` is neither text nor a whole number"))),
    }
}

fn key_label(key: &str) -> Result<String, FaultReason> {
    let parts: Vec<&str> = key.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match parts.as_slice() {
        [.., folder, _] => Ok((*folder).to_owned()),
        [name] if name.contains('_') => {
            Ok(name.rsplit_once('_').map_or("", |(class, _)| class).to_owned())
        }
        _ => Err(no_label("the key has neither a folder nor a `_`".to_owned())),
    }
}

fn no_label(detail: String) -> FaultReason {
    FaultReason::NoLabel { detail }
}

fn bad_label(detail: String) -> FaultReason {
    FaultReason::BadLabel { detail }
}

#[cfg(test)]
mod tests {
    use super::super::SampleMember;
    use super::*;

    fn label(source: &str, key: &str, members: &[(&str, &[u8])]) -> Result<String, FaultReason> {
        let members = members.iter().map(|(e, b)| SampleMember::new(*e, *b)).collect();
        let sample = Sample { key: key.to_owned(), members, ..Sample::default() };
        source.parse::<LabelSource>().unwrap().label(&sample)
    }

    #[test]
    fn labels_from_everywhere() {
        assert_eq!(label("cls", "k", &[("cls", b" 7\n")]).unwrap(), "7");
        assert_eq!(label(".TXT", "k", &[("txt", "é".as_bytes())]).unwrap(), "é");
        let json: &[u8] = br#"{"wnid": "n01", "id": 3, "p": 0.5, "none": null}"#;
        assert_eq!(label("json:wnid", "k", &[("json", json)]).unwrap(), "n01");
        assert_eq!(label("json:id", "k", &[("json", json)]).unwrap(), "3");
        assert_eq!(label("key", "train/n01/x_1", &[]).unwrap(), "n01");
        assert_eq!(label("key", "a_b_12", &[]).unwrap(), "a_b");
        assert_eq!(label("key", "./dog_3", &[]).unwrap(), "dog");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_label() {
        assert_eq!(label("cls", "k", &[("cls", b"\xef\xbb\xbf7\r\n")]).unwrap(), "7");
        let json = b"\xef\xbb\xbf{\"a\": \"\xef\xbb\xbf7\"}";
        assert_eq!(label("json:a", "k", &[("json", json)]).unwrap(), "7");
    }

    #[test]
    fn missing_or_empty_labels_are_no_label() {
        let json: &[u8] = br#"{"none": null}"#;
        let list: &[u8] = b"[1]";
        for (source, key, members) in [
            ("cls", "k", vec![]),
            ("cls", "k", vec![("cls", &b" \n"[..])]),
            ("json:wnid", "k", vec![("json", json)]),
            ("json:none", "k", vec![("json", json)]),
            ("json:x", "k", vec![("json", list)]),
            ("key", "plain", vec![]),
            ("key", "_7", vec![]),
        ] {
            let reason = label(source, key, &members).unwrap_err();
            assert_eq!(reason.code(), "no_label", "{source} {key}: {reason}");
        }
    }

    #[test]
    fn what_cannot_be_a_class_is_a_bad_label() {
        let long = vec![b'a'; 300];
        for (source, bytes) in [
            ("cls", &b"\xff\xfe"[..]),
            ("txt", b"two\nlines"),
            ("cls", &long),
            ("json:p", br#"{"p": 0.5}"#),
            ("json:p", b"{"),
        ] {
            let extension = if source.starts_with("json") { "json" } else { source };
            let reason = label(source, "k", &[(extension, bytes)]).unwrap_err();
            assert_eq!(reason.code(), "bad_label", "{source}: {reason}");
        }
    }

    #[test]
    fn sources_parse_and_print() {
        for text in ["cls", "txt", "json:wnid", "key", "json:a:b"] {
            assert_eq!(text.parse::<LabelSource>().unwrap().to_string(), text);
        }
        for text in ["", "json", "json:", "foo:bar", ".", "a b"] {
            assert!(text.parse::<LabelSource>().is_err(), "{text}");
        }
    }
}
