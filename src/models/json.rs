//! The JSON files of a model folder, read as Python reads and writes them.
//!
//! Python's `json` writes `NaN`, `Infinity` and `-Infinity`, and editors on Windows begin a file with a byte order mark.
//! Neither is JSON; both are read here. A key whose value is null counts as absent: it has its default.

use std::borrow::Cow;
use std::path::Path;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::DiffusionError;
use super::file_state::{LFS_HEADER, unread};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Python's numbers that JSON has none of. They become texts: where such a number is used it is refused as being none.
const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];

/// Keys of a file whose faulty one is looked for; a vocabulary has more.
const MOST_KEYS: usize = 200;

/// Reads a JSON file; `expected` says what it is, for when it is missing.
pub(super) fn read_json<T: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<T, DiffusionError> {
    let bytes = read_bytes(path, expected)?;
    from_json(&bytes).map_err(|reason| config_error(path, reason))
}

/// As [`read_json`]; `None` where the file is missing.
pub(super) fn read_json_if_there<T: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<Option<T>, DiffusionError> {
    match read_json(path, expected) {
        Ok(read) => Ok(Some(read)),
        Err(DiffusionError::MissingFile { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A small file, without a byte order mark. What stands in the place of the file that is meant is told by name.
pub(super) fn read_bytes(path: &Path, expected: &'static str) -> Result<Vec<u8>, DiffusionError> {
    let mut bytes = std::fs::read(path).map_err(unread(path, expected))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if bytes.starts_with(LFS_HEADER) {
        return Err(DiffusionError::LfsPointer { path: path.to_path_buf() });
    }
    if bytes.trim_ascii_start().first() == Some(&b'<') {
        let reason = format!("it is a web page, where {expected} should be");
        return Err(config_error(path, reason));
    }
    Ok(bytes)
}

/// Parses JSON as Python writes it. The error names the line, or the key.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut value: Value =
        serde_json::from_slice(&quoted(bytes)).map_err(|error| error.to_string())?;
    if let Value::Object(keys) = &mut value {
        keys.retain(|_, value| !value.is_null());
    }
    T::deserialize(&value).map_err(|error| match culprit::<T>(&value, &error.to_string()) {
        Some(key) => format!("{key}: {error}"),
        None => error.to_string(),
    })
}

/// The key without which the error would be another one, or none.
fn culprit<T: DeserializeOwned>(value: &Value, error: &str) -> Option<String> {
    let keys = value.as_object().filter(|keys| keys.len() <= MOST_KEYS)?;
    let innocent = |key: &&String| {
        let mut others = keys.clone();
        others.remove(*key);
        let again = T::deserialize(&Value::Object(others)).err();
        again.is_some_and(|again| again.to_string() == error)
    };
    keys.keys().find(|key| !innocent(key)).cloned()
}

/// The text with Python's numbers that are none in quotes; strings are left as they are.
fn quoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Vec<u8> = Vec::new();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 2,
            b'"' => {
                in_string = !in_string;
                at += 1;
            }
            _ if in_string => at += 1,
            _ => match NO_NUMBERS.iter().find(|word| bytes[at..].starts_with(word)) {
                Some(word) => {
                    out.extend_from_slice(&bytes[copied..at]);
                    out.push(b'"');
                    out.extend_from_slice(word);
                    out.push(b'"');
                    at += word.len();
                    copied = at;
                }
                None => at += 1,
            },
        }
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(&bytes[copied..]);
    Cow::Owned(out)
}

pub(super) fn config_error(path: &Path, reason: String) -> DiffusionError {
    DiffusionError::Config { path: path.to_path_buf(), reason }
}

/// A whole number, also where it is written as 1000.0.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    as_whole(&number)
        .ok_or_else(|| D::Error::custom(format!("{number} is no whole number of 0 or more")))
}

/// The same where it may be left out.
pub(super) fn whole_if_given<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<usize>, D::Error> {
    whole(from).map(Some)
}

fn as_whole(number: &serde_json::Number) -> Option<usize> {
    if let Some(whole) = number.as_u64() {
        return usize::try_from(whole).ok();
    }
    // Beyond 2⁵³ a float no longer tells whole numbers apart.
    let exact = |real: &f64| real.fract() == 0.0 && (0.0..=9e15).contains(real);
    number.as_f64().filter(exact).map(|real| real as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Keys {
        #[serde(default = "seven", deserialize_with = "whole")]
        count: usize,
        #[serde(default)]
        text: String,
    }

    fn seven() -> usize {
        7
    }

    fn keys(text: &str) -> Result<Keys, String> {
        from_json(text.as_bytes())
    }

    #[test]
    fn pythons_numbers_are_read_and_strings_left_alone() {
        let text = r#"{"a": -Infinity, "b": [NaN, Infinity], "text": "NaN \" -Infinity \\", "count": 1000.0}"#;
        let read = keys(text).unwrap();
        assert_eq!((read.count, read.text.as_str()), (1000, "NaN \" -Infinity \\"));
        assert!(keys(r#"{"count": NaN}"#).unwrap_err().starts_with("count: "));
        assert!(matches!(quoted(b"{\"NaN\": 1}"), Cow::Borrowed(_)));
        // What ends in the middle is refused, not run past.
        for cut in 0..text.len() {
            assert!(keys(&text[..cut]).is_err());
        }
    }

    #[test]
    fn null_is_the_default_and_what_is_no_whole_number_is_named() {
        assert_eq!(
            keys(r#"{"count": null, "text": null}"#).unwrap(),
            Keys { count: 7, text: String::new() }
        );
        for wrong in ["1.5", "-3", "1e300", "\"8\"", "true"] {
            let error = keys(&format!(r#"{{"text": "x", "count": {wrong}}}"#)).unwrap_err();
            assert!(error.starts_with("count: "), "{error}");
        }
    }

    #[test]
    fn a_mark_is_passed_over_and_what_is_another_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            read_json::<Keys>(&path, "a file").map_err(|error| error.to_string())
        };
        assert_eq!(read(b"\xef\xbb\xbf{\"count\": 2}").unwrap().count, 2);
        assert!(read(b"version https://git-lfs.github.com/spec/v1\n").unwrap_err().contains("LFS"));
        assert!(read(b"\n<!DOCTYPE html>").unwrap_err().contains("web page"));
        assert!(read_json_if_there::<Keys>(&dir.path().join("none"), "a file").unwrap().is_none());
    }
}
