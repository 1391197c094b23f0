//! What a unit's files hold, as its receipt says it.

use serde::de::Deserialize;
use serde::{Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// JSON text that later stages parse when they need it. A large run's receipts hold millions of values, which take ten
/// times the memory of their text.
#[derive(Debug, Clone, Default)]
pub struct Contents(Option<Box<RawValue>>);

impl Contents {
    /// The text of `value`.
    ///
    /// # Errors
    /// If `value` has no JSON text.
    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self(Some(serde_json::value::to_raw_value(value)?)))
    }

    /// Whether the receipt says nothing.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The value of the text; `None` where there is none, or of another shape.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.0.as_ref()?.get()).ok()
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        let text = |contents: &Self| contents.0.as_ref().map(|raw| raw.get().to_owned());
        text(self) == text(other)
    }
}

impl Serialize for Contents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Contents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Box<RawValue>>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_text_goes_through_a_receipt_as_it_is() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Holder {
            #[serde(default, skip_serializing_if = "Contents::is_none")]
            contents: Contents,
        }
        let contents = Contents::of(&json!({"classes": [["a", 3], ["b", 1]]})).unwrap();
        let text = serde_json::to_string_pretty(&Holder { contents: contents.clone() }).unwrap();
        assert!(text.contains(r#"{"classes":[["a",3],["b",1]]}"#), "on one line: {text}");
        let read: Holder = serde_json::from_str(&text).unwrap();
        assert_eq!(read.contents, contents);
        assert_eq!(read.contents.parse::<serde_json::Value>().unwrap()["classes"][1][0], "b");
        let none: Holder = serde_json::from_str("{}").unwrap();
        assert!(none.contents.is_none() && none.contents.parse::<serde_json::Value>().is_none());
        assert_eq!(serde_json::to_string(&none).unwrap(), "{}");
        assert!(read.contents.parse::<Vec<u8>>().is_none(), "another shape");
    }
}
