//! The inputs of a unit as JSON text; text that many units share is inserted unchanged.

use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Bytes of a text that goes into fingerprints as it is.
const LONGEST: usize = 64 << 10;

/// A piece of a fingerprint's inputs. Its text is that of the JSON value it stands for, in the order in which it was
/// written, so a value and its text have one digest.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A value of this unit alone.
    Value(Value),
    /// JSON text that was made once for many units: a list of all classes, of all parts.
    Text(Arc<str>),
    /// A list of pieces.
    List(Vec<Input>),
    /// Named pieces, in this order.
    Object(Vec<(&'static str, Input)>),
}

impl Input {
    /// `value` as text, for units to share. Long text is replaced by its digest, or hashing it for each unit would take
    /// time that grows as both numbers do.
    pub fn shared(value: &Value) -> Self {
        count(value);
        let text = value.to_string();
        if text.len() <= LONGEST {
            return Self::Text(text.into());
        }
        Self::Text(format!("\"xxh3:{:032x}\"", xxh3_128(text.as_bytes())).into())
    }
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<String> for Input {
    fn from(value: String) -> Self {
        Self::Value(value.into())
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => {
                count(value);
                value.fmt(f)
            }
            Self::Text(text) => {
                count(&Value::Null);
                f.write_str(text)
            }
            Self::List(pieces) => {
                f.write_str("[")?;
                for (at, piece) in pieces.iter().enumerate() {
                    write!(f, "{}{piece}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(pieces) => {
                f.write_str("{")?;
                for (at, (name, piece)) in pieces.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{piece}", Value::from(*name))?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(not(test))]
fn count(_value: &Value) {}

#[cfg(test)]
thread_local! {
    static VALUES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts the values that are written, for tests of how that grows.
#[cfg(test)]
fn count(value: &Value) {
    let below = |values: &mut dyn Iterator<Item = &Value>| values.for_each(count);
    VALUES.with(|values| values.set(values.get() + 1));
    match value {
        Value::Array(list) => below(&mut list.iter()),
        Value::Object(map) => below(&mut map.values()),
        _ => {}
    }
}

/// Values that this thread has written so far.
#[cfg(test)]
pub(crate) fn values_written() -> u64 {
    VALUES.with(std::cell::Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_have_the_text_of_the_value_they_stand_for() {
        let classes = Input::shared(&json!(["a", "b \"quoted\"", "é"]));
        let pieces = Input::Object(vec![
            ("shard", json!("x.tar").into()),
            ("bytes", json!(null).into()),
            ("classes", classes.clone()),
            ("of", Input::List(vec![classes, json!([1, 0.25]).into(), "t".to_owned().into()])),
            ("none", Input::List(Vec::new())),
        ]);
        let list = ["a", "b \"quoted\"", "é"];
        let value = json!({
            "shard": "x.tar", "bytes": null, "classes": list, "of": [list, [1, 0.25], "t"], "none": [],
        });
        assert_eq!(pieces.to_string(), value.to_string());
    }
}
