//! One field of a JSON document, as Python's `json` reads it: `NaN` and `Infinity`, halves of surrogate pairs, numbers
//! beyond all bounds and any depth do no harm in the rest of it.

use crate::text::decoded_json;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A whole number beyond this can't be told from its neighbours in a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What stands in a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Text(String),
    /// A whole number, also where it is written as `7.0`.
    Whole(i128),
    Null,
    /// Anything else.
    Other,
}

/// What `field` of the document holds: the field of just that name or, where there is none, `a.b` the field `b` in the
/// object `a`. `None` where there is none. Of fields with one name the last counts.
///
/// # Errors
/// What Python's `json` would refuse, as a sentence.
pub(super) fn json_field(bytes: &[u8], field: &str) -> Result<Option<Field>, String> {
    let text = decoded_json(bytes).ok_or("it is not UTF-8, UTF-16 or UTF-32 text")?;
    let text = plain(&text);
    let mut json = serde_json::Deserializer::from_str(&text);
    let wrong = |error: serde_json::Error| error.to_string();
    let found = Wanted { path: field }.deserialize(&mut json).map_err(wrong)?;
    json.end().map_err(wrong)?;
    match found {
        Found::Nothing => Ok(None),
        Found::Nested(value) | Found::Exact(value) => Ok(Some(value)),
    }
}

/// The document in JSON's own words: a number that is none becomes an empty object, half a surrogate pair the
/// replacement character. Nothing else changes.
fn plain(text: &str) -> Cow<'_, str> {
    let words = ["NaN", "-Infinity", "Infinity"];
    let odd = text.contains("NaN") || text.contains("Infinity");
    if !odd && !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut quoted) = (text, false);
    while let Some(next) = rest.chars().next() {
        let word = words.into_iter().find(|word| !quoted && rest.starts_with(word));
        let (out, taken) = if let Some(word) = word {
            ("{}", word.len())
        } else if quoted && next == '\\' {
            let (out, taken) = escape(rest);
            (out.unwrap_or(&rest[..taken]), taken)
        } else {
            quoted ^= next == '"';
            (&rest[..next.len_utf8()], next.len_utf8())
        };
        plain.push_str(out);
        rest = &rest[taken..];
    }
    Cow::Owned(plain)
}

/// Of an escape at the start of `text`: what to write in its place, if not it itself, and its length.
fn escape(text: &str) -> (Option<&'static str>, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    let second = text.chars().nth(1).map_or(0, char::len_utf8);
    match (unit(0), unit(6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (None, 12),
        (Some(0xd800..=0xdfff), _) => (Some("\\ufffd"), 6),
        (Some(_), _) => (None, 6),
        (None, _) => (None, 1 + second),
    }
}

enum Found {
    Nothing,
    Nested(Field),
    Exact(Field),
}

/// The value at `path` in an object; what is no object has nothing.
struct Wanted<'p> {
    path: &'p str,
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Found, D::Error> {
        from.deserialize_any(self)
    }
}

macro_rules! nothing {
    ($($name:ident: $kind:ty),+) => { $(
        fn $name<E>(self, _: $kind) -> Result<Self::Value, E> {
            Ok(Found::Nothing)
        }
    )+ };
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found::Nothing;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let rest = self.path.strip_prefix(&*key).and_then(|rest| rest.strip_prefix('.'));
            if *key == *self.path {
                found = Found::Exact(map.next_value_seed(Value)?);
            } else if let Some(path) = rest {
                let nested = map.next_value_seed(Wanted { path })?;
                if let (Found::Nested(value) | Found::Exact(value), false) =
                    (nested, matches!(found, Found::Exact(_)))
                {
                    found = Found::Nested(value);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    nothing!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// The value of the field that is wanted.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Field, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(Field::Whole(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field, E> {
        Ok(Field::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field, E> {
        let whole = number.fract() == 0.0 && number.abs() <= EXACT;
        Ok(if whole { Field::Whole(number as i128) } else { Field::Other })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str, name: &str) -> Result<Option<Field>, String> {
        json_field(json.as_bytes(), name)
    }

    #[test]
    fn other_fields_may_hold_what_python_writes() {
        let deep = format!(r#"{{"x": {}{}, "label": 7}}"#, "[".repeat(900), "]".repeat(900));
        for json in [
            r#"{"p": NaN, "label": 7}"#,
            r#"{"label": 7, "q": [Infinity, -Infinity, 1e400, {"r": NaN}]}"#,
            r#"{"t": "NaN \" Infinity", "label": 7}"#,
            r#"{"a": "\ud800", "b": "\udc00\ud83d\ude00\\ud800", "label": 7}"#,
            r#"{"\ud800": 1, "label": 7.0}"#,
            "\u{feff}{\"label\": 7e0}",
            r#"{"label": 3, "label": 7}"#,
            &deep,
        ] {
            assert_eq!(field(json, "label"), Ok(Some(Field::Whole(7))), "{json}");
        }
        let utf16: Vec<u8> = r#"{"label": 7}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(json_field(&utf16, "label"), Ok(Some(Field::Whole(7))));
    }

    #[test]
    fn what_a_field_holds_is_told() {
        for (value, is) in [
            (r#""n01""#, Field::Text("n01".into())),
            (r#""\ud83d\ude00""#, Field::Text("😀".into())),
            (r#""\ud800x""#, Field::Text("\u{fffd}x".into())),
            ("-1", Field::Whole(-1)),
            ("-0.0", Field::Whole(0)),
            ("18446744073709551615", Field::Whole(u64::MAX.into())),
            ("null", Field::Null),
            ("0.5", Field::Other),
            ("NaN", Field::Other),
            ("-Infinity", Field::Other),
            ("1180591620717411303424", Field::Other),
            ("true", Field::Other),
            ("[7]", Field::Other),
            ("{\"a\": 7}", Field::Other),
        ] {
            let json = format!(r#"{{"a": 1, "label": {value}}}"#);
            assert_eq!(field(&json, "label"), Ok(Some(is)), "{json}");
        }
        assert_eq!(field("[1]", "label"), Ok(None));
        assert_eq!(field("7", "label"), Ok(None));
        assert_eq!(field("null", "label"), Ok(None));
    }

    #[test]
    fn fields_of_objects_are_reached_by_dots() {
        let json =
            r#"{"meta": {"label": 7, "a.b": {"c": 8}}, "meta.x": 9, "list": [{"label": 1}]}"#;
        for (path, is) in [("meta.label", 7), ("meta.a.b.c", 8), ("meta.x", 9)] {
            assert_eq!(field(json, path), Ok(Some(Field::Whole(is))), "{path}");
        }
        assert_eq!(field(json, "meta.none"), Ok(None));
        assert_eq!(field(json, "list.label"), Ok(None));
        let both = r#"{"a.b": 1, "a": {"b": 2}}"#;
        assert_eq!(field(both, "a.b"), Ok(Some(Field::Whole(1))));
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for json in [
            "",
            "{",
            "{'label': 7}",
            r#"{"label": 7} {"label": 8}"#,
            "{\"label\": 7}\0\0",
            "{\"a\": \"x\ny\", \"label\": 7}",
            r#"{"label": nan}"#,
            r#"{NaN: 7}"#,
        ] {
            assert!(field(json, "label").is_err(), "{json}");
        }
        assert!(json_field(b"{\"a\": \"caf\xe9\", \"label\": 7}", "label").is_err());
    }
}
