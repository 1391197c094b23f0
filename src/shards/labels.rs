//! The class of a sample: where it stands, as a string.
//!
//! Labels stay text (`7`, `n01440764`, `dog`): the class list that they are looked up in is keyed
//! by text, and a number's position means nothing without that list.

use std::fmt;
use std::str::FromStr;

use super::error::ShardError;
use super::fault::FaultReason;
use super::json_field::{Field, json_field};
use super::sample::Sample;
use crate::text::trimmed;

/// A label longer than this is a caption or a file, not a class.
const MAX_LABEL_BYTES: usize = 255;

/// Where a sample's class label comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelSource {
    /// The text of the member with this extension, without surrounding white space
    /// (`cls`: `"7\n"` is `7`).
    Extension(String),
    /// A field of the `json` member: a string or a whole number (`7.0` is 7). `a.b` is the field `b` of the object `a`,
    /// unless there is a field of just that name.
    Json {
        /// The field's name.
        field: String,
    },
    /// The key itself: the innermost folder (`train/n01440764/12` is `n01440764`), or, without a
    /// folder, what stands before the last `_` (`n01440764_12` is `n01440764`).
    KeyPrefix,
    /// What stands behind the last `_` of the key's last part: `n01440764_10026_n01440764` is `n01440764`, and so is
    /// `ILSVRC2012_val_00000293_n01440764`.
    KeyEnd,
    /// What stands before the first `_` of the key's last part: `n01440764_10026_1` is `n01440764`.
    KeyStart,
}

impl LabelSource {
    /// Extension of the member that the label needs, if it needs one: pass it to
    /// [`ReadOptions::extensions`](super::ReadOptions::extensions).
    pub fn extension(&self) -> Option<&str> {
        match self {
            Self::Extension(extension) => Some(extension),
            Self::Json { .. } => Some("json"),
            Self::KeyPrefix | Self::KeyEnd | Self::KeyStart => None,
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
            Self::KeyEnd => key_part(&sample.key, |name| name.rsplit_once('_').map(|cut| cut.1))?,
            Self::KeyStart => key_part(&sample.key, |name| name.split_once('_').map(|cut| cut.0))?,
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

    /// Reads `cls`, `txt` or any extension (a leading dot is dropped), `json:FIELD`, `key`, `key:last`, `key:first`.
    fn from_str(text: &str) -> Result<Self, ShardError> {
        let unknown = || ShardError::BadLabelSource { given: text.to_owned() };
        match text.split_once(':') {
            Some(("json", field)) if !field.is_empty() => {
                Ok(Self::Json { field: field.to_owned() })
            }
            Some(("key", "last")) => Ok(Self::KeyEnd),
            Some(("key", "first")) => Ok(Self::KeyStart),
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
            Self::KeyEnd => f.write_str("key:last"),
            Self::KeyStart => f.write_str("key:first"),
        }
    }
}

fn member<'s>(sample: &'s Sample, extension: &str) -> Result<&'s [u8], FaultReason> {
    sample.get(extension).ok_or_else(|| no_label(format!("there is no `.{extension}` member")))
}

fn text_label(bytes: &[u8], extension: &str) -> Result<String, FaultReason> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| bad_label(format!("member `.{extension}` is not UTF-8 text")))?;
    Ok(trimmed(text).to_owned())
}

fn json_label(bytes: &[u8], field: &str) -> Result<String, FaultReason> {
    let found = json_field(bytes, field)
        .map_err(|error| bad_label(format!("member `.json` can't be parsed: {error}")))?;
    match found {
        None | Some(Field::Null) => {
            Err(no_label(format!("the `.json` member has no field `{field}`")))
        }
        // Half a surrogate pair: which half is not known any more.
        Some(Field::Text(text)) if text.contains('\u{fffd}') && has_surrogates(bytes) => {
            Err(bad_label(format!("field `{field}` holds characters that are none")))
        }
        Some(Field::Text(text)) => Ok(trimmed(&text).to_owned()),
        Some(Field::Whole(number)) => Ok(number.to_string()),
        Some(Field::Other) => {
            Err(bad_label(format!("field `{field}` is neither text nor a whole number")))
        }
    }
}

/// Whether a document writes characters as surrogate pairs.
fn has_surrogates(bytes: &[u8]) -> bool {
    bytes.windows(3).any(|three| three.eq_ignore_ascii_case(b"\\ud"))
}

fn key_label(key: &str) -> Result<String, FaultReason> {
    let parts: Vec<&str> = key.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match parts.as_slice() {
        [.., folder, _] => Ok(trimmed(folder).to_owned()),
        [name] if name.contains('_') => {
            Ok(trimmed(name.rsplit_once('_').map_or("", |(class, _)| class)).to_owned())
        }
        _ => Err(no_label("the key has neither a folder nor a `_`".to_owned())),
    }
}

/// What `part` takes of the key's last part.
fn key_part(key: &str, part: fn(&str) -> Option<&str>) -> Result<String, FaultReason> {
    let name = key.rsplit('/').next().unwrap_or(key);
    match part(name) {
        Some(class) => Ok(trimmed(class).to_owned()),
        None => Err(no_label("the last part of the key has no `_`".to_owned())),
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
    use super::*;
    use crate::shards::SampleMember;

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
        for bytes in ["\u{feff}7", "\u{feff} 7\r\n", "7\u{feff}\n"] {
            assert_eq!(label("cls", "k", &[("cls", bytes.as_bytes())]).unwrap(), "7");
            let json = format!("\u{feff}{{\"c\": {bytes:?}}}").replace("\\u{feff}", "\u{feff}");
            assert_eq!(label("json:c", "k", &[("json", json.as_bytes())]).unwrap(), "7", "{json}");
        }
        assert_eq!(label("key", "\u{feff}dog_3", &[]).unwrap(), "dog");
        // UTF-16, as what has no mark of its own, is no class.
        let utf16: Vec<u8> = "\u{feff}7".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(label("cls", "k", &[("cls", &utf16)]).unwrap_err().code(), "bad_label");
    }

    #[test]
    fn the_class_may_stand_at_either_end_of_the_key() {
        for key in ["n01_10026_n02", "ILSVRC2012_val_00000293_n02", "train/n03/x_n02"] {
            assert_eq!(label("key:last", key, &[]).unwrap(), "n02");
        }
        assert_eq!(label("key:first", "d_x/n01_10026_n02", &[]).unwrap(), "n01");
        for (source, key) in [("key:last", "plain"), ("key:last", "a_b/c"), ("key:first", "_7")] {
            assert_eq!(label(source, key, &[]).unwrap_err().code(), "no_label", "{key}");
        }
    }

    #[test]
    fn json_labels_are_what_python_reads() {
        for (json, is) in [
            (r#"{"label": 7.0, "p": NaN}"#, "7"),
            (r#"{"label": -1}"#, "-1"),
            (r#"{"label": "7.0"}"#, "7.0"),
        ] {
            assert_eq!(label("json:label", "k", &[("json", json.as_bytes())]).unwrap(), is);
        }
        let nested: &[u8] = br#"{"meta": {"label": "cat"}}"#;
        assert_eq!(label("json:meta.label", "k", &[("json", nested)]).unwrap(), "cat");
        let half: &[u8] = br#"{"label": "\ud800"}"#;
        assert_eq!(label("json:label", "k", &[("json", half)]).unwrap_err().code(), "bad_label");
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
        for text in ["cls", "txt", "json:wnid", "key", "json:a:b", "key:last", "key:first"] {
            assert_eq!(text.parse::<LabelSource>().unwrap().to_string(), text);
        }
        for text in ["", "json", "json:", "foo:bar", ".", "a b", "key:", "key:x"] {
            assert!(text.parse::<LabelSource>().is_err(), "{text}");
        }
    }
}
