//! What Hugging Face's `datasets` says of a table's columns: the `huggingface` entry of the file's metadata.

use arrow::datatypes::Metadata;
use serde_json::Value;
use std::collections::HashMap;

/// What a column is, by the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Feature {
    /// An image: a struct of `bytes` and `path`.
    Image,
    /// A number that stands for one of these names.
    ClassLabel(Vec<String>),
}

/// The features of the columns, by the columns' names; what can't be understood says nothing.
pub(super) fn features(metadata: &Metadata) -> HashMap<String, Feature> {
    let text = metadata.get("huggingface").map_or("", |text| text.as_ref());
    let about: Value = serde_json::from_str(text).unwrap_or_default();
    let Some(columns) = about.pointer("/info/features").and_then(Value::as_object) else {
        return HashMap::new();
    };
    let known = |(name, about): (&String, &Value)| Some((name.clone(), feature(about)?));
    columns.iter().filter_map(known).collect()
}

fn feature(about: &Value) -> Option<Feature> {
    match about.get("_type")?.as_str()? {
        "Image" => Some(Feature::Image),
        "ClassLabel" => names(about.get("names")?).map(Feature::ClassLabel),
        _ => None,
    }
}

/// A list of names, or an object of names by their numbers.
fn names(about: &Value) -> Option<Vec<String>> {
    let text = |name: &Value| name.as_str().map(str::to_owned);
    match about {
        Value::Array(names) => names.iter().map(text).collect(),
        Value::Object(names) => {
            (0..names.len()).map(|number| text(names.get(&number.to_string())?)).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> HashMap<String, Feature> {
        features(&[("huggingface".to_owned(), json.to_owned())].into())
    }

    #[test]
    fn images_and_names_are_found_and_the_rest_says_nothing() {
        let found = of(r#"{"info": {"features": {
            "image": {"_type": "Image"},
            "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
            "fine": {"names": {"1": "b", "0": "a"}, "_type": "ClassLabel"},
            "odd": {"names": {"1": "b", "2": "a"}, "_type": "ClassLabel"},
            "text": {"dtype": "string", "_type": "Value"}, "list": [{"_type": "Image"}]}}}"#);
        let names = |names: [&str; 2]| Feature::ClassLabel(names.map(str::to_owned).to_vec());
        let expected = [
            ("image", Feature::Image),
            ("label", names(["cat", "dog"])),
            ("fine", names(["a", "b"])),
        ];
        assert_eq!(found, expected.map(|(name, is)| (name.to_owned(), is)).into());
        for json in ["", "{", "[]", r#"{"info": 3}"#, r#"{"info": {"features": []}}"#] {
            assert_eq!(of(json), HashMap::new(), "{json}");
        }
    }
}
