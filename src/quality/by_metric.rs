//! Values by metric, in the order of columns.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// One value a metric, by the metric's key: an object in JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct ByMetric<T>(Vec<(String, T)>);

impl<T> Default for ByMetric<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> IntoIterator for ByMetric<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> ByMetric<T> {
    /// The value of a metric, if it was measured.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// These values and then `more`.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = (String, T)>) -> Self {
        self.0.extend(more);
        self
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl<K: Into<String>, T> FromIterator<(K, T)> for ByMetric<T> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(values: I) -> Self {
        Self(values.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl<T: Serialize> Serialize for ByMetric<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            object.serialize_entry(key, value)?;
        }
        object.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByMetric<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = ByMetric<T>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object with one value a metric")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<ByMetric<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(entry) = object.next_entry()? {
                    values.push(entry);
                }
                Ok(ByMetric(values))
            }
        }

        input.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Row {
        name: String,
        #[serde(flatten)]
        values: ByMetric<Option<f64>>,
        last: u32,
    }

    #[test]
    fn values_stand_between_the_other_fields_in_their_order_and_are_read_back() {
        let values = [("probe", Some(0.5)), ("coverage", None), ("a", Some(1.0))];
        let row = Row { name: "x".into(), values: values.into_iter().collect(), last: 3 };
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, r#"{"name":"x","probe":0.5,"coverage":null,"a":1.0,"last":3}"#);
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read = Row::deserialize(&mut reader).unwrap();
        assert_eq!(read, row);
        assert_eq!(read.values.get("a"), Some(&Some(1.0)));
        assert_eq!(read.values.get("b"), None);
    }
}
