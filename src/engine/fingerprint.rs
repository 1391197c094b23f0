//! Fingerprints: a hash of all that a unit's outputs depend on.

use super::inputs::Input;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use xxhash_rust::xxh3::Xxh3;

/// The version of the computation; a new version makes old outputs stale.
const COMPUTATION: u32 = 3;

/// Settings that receipts have under another name than pipeline files: the receipts' and the current name.
const RENAMED: [(&str, &str); 2] = [
    ("generate.schedule", "guidance.published.schedule"),
    ("guidance.schedule", "guidance.published.schedule"),
];

/// The inputs and settings that a unit's outputs depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// The settings by the names of the pipeline file, shown when they change.
    pub settings: Value,
    /// Digests of the inputs: shards, models, files of earlier stages.
    pub inputs: Input,
}

impl Fingerprint {
    /// XXH3-128 of both, in hexadecimal.
    pub fn digest(&self, stage: &str) -> String {
        let mut hash = Text(Xxh3::new());
        // A hash takes whatever it is given.
        let _ = write!(hash, "{COMPUTATION}\n{stage}\n{}\n{}", self.settings, self.inputs);
        format!("{:032x}", hash.0.digest128())
    }

    /// The differences between `before` and these settings, one line each: `gamma: 0.05 → 0.2`. A setting that only one of
    /// the two has was used by one alone, because of another setting: it is reported where nothing else differs.
    pub fn changes_since(&self, before: &Value) -> Vec<String> {
        let (Value::Object(old), Value::Object(new)) = (before, &self.settings) else {
            return Vec::new();
        };
        let (old, new) = (&under_todays_names(old), &under_todays_names(new));
        let show = |v: Option<&Value>| v.map_or_else(|| "unset".to_owned(), Value::to_string);
        let mut keys: Vec<&String> = new.keys().chain(old.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|k| old.get(*k) != new.get(*k));
        if keys.iter().any(|k| old.contains_key(*k) && new.contains_key(*k)) {
            keys.retain(|k| old.contains_key(*k) && new.contains_key(*k));
        }
        let mut lines = Vec::new();
        for key in keys {
            match (old.get(key), new.get(key)) {
                // Of several values under one name, those that differ.
                (Some(Value::Object(old)), Some(Value::Object(new))) => {
                    let mut inner: Vec<&String> = new.keys().chain(old.keys()).collect();
                    inner.sort();
                    inner.dedup();
                    inner.retain(|k| old.get(*k) != new.get(*k));
                    lines.extend(inner.into_iter().map(|k| {
                        format!("{key}.{k}: {} → {}", show(old.get(k)), show(new.get(k)))
                    }));
                }
                (old, new) => lines.push(format!("{key}: {} → {}", show(old), show(new))),
            }
        }
        lines
    }

    /// A short digest of each input by name, to name changed inputs later.
    pub fn input_digests(&self) -> BTreeMap<String, String> {
        match &self.inputs {
            Input::Object(pieces) => {
                pieces.iter().map(|(name, piece)| ((*name).to_owned(), short(piece))).collect()
            }
            Input::Value(Value::Object(inputs)) => {
                inputs.iter().map(|(name, value)| (name.clone(), short(value))).collect()
            }
            _ => BTreeMap::new(),
        }
    }

    /// Names of inputs that differ from those whose digests are `before`; none where those are not known.
    pub fn inputs_changed_since(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        if before.is_empty() {
            return Vec::new();
        }
        let today = self.input_digests();
        let mut names: Vec<&String> = today.keys().chain(before.keys()).collect();
        names.sort();
        names.dedup();
        names.retain(|name| today.get(*name) != before.get(*name));
        names.into_iter().cloned().collect()
    }
}

/// A receipt's settings, with those of [`RENAMED`] under their current names.
fn under_todays_names(settings: &Map<String, Value>) -> Map<String, Value> {
    let mut named = settings.clone();
    for (old, today) in RENAMED {
        if let Some(value) = named.remove(old) {
            named.insert(today.to_owned(), value);
        }
    }
    named
}

fn short(piece: &impl fmt::Display) -> String {
    let mut hash = Text(Xxh3::new());
    let _ = write!(hash, "{piece}");
    format!("{:016x}", hash.0.digest())
}

/// A writer that hashes, so that a unit's text is never in memory as a whole.
struct Text(Xxh3);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Runs of earlier versions stay current.
    #[test]
    fn the_digest_is_that_of_the_whole_text() {
        let fingerprint = Fingerprint {
            settings: json!({"encode.size": 256, "data.label": "cls"}),
            inputs: Input::Object(vec![
                ("shard", json!("a.tar").into()),
                ("classes", Input::shared(&json!(["dog", "cat"]))),
            ]),
        };
        let text = "3\nencode\n{\"encode.size\":256,\"data.label\":\"cls\"}\n\
                    {\"shard\":\"a.tar\",\"classes\":[\"dog\",\"cat\"]}";
        let whole = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
        assert_eq!(fingerprint.digest("encode"), format!("{whole:032x}"));
    }

    #[test]
    fn settings_and_inputs_both_count_and_changes_are_named() {
        let of = |gamma: f64, input: &str| Fingerprint {
            settings: json!({"generate.gamma": gamma, "generate.steps": 25}),
            inputs: json!([input]).into(),
        };
        let base = of(0.05, "a");
        assert_eq!(base.digest("generate"), of(0.05, "a").digest("generate"));
        assert_ne!(base.digest("generate"), of(0.05, "b").digest("generate"));
        assert_ne!(base.digest("generate"), of(0.2, "a").digest("generate"));
        assert_eq!(of(0.2, "a").changes_since(&base.settings), ["generate.gamma: 0.05 → 0.2"]);
    }

    #[test]
    fn the_input_that_changed_is_named_where_its_digest_was_noted() {
        let of = |model: &str| Fingerprint {
            settings: json!({"features": {"model": model, "size": 8}}),
            inputs: json!({"shard": "a.tar", "model": model}).into(),
        };
        let (before, today) = (of("x"), of("y"));
        assert_eq!(today.inputs_changed_since(&before.input_digests()), ["model"]);
        assert!(before.inputs_changed_since(&before.input_digests()).is_empty());
        assert!(today.inputs_changed_since(&BTreeMap::new()).is_empty());
        assert_eq!(today.changes_since(&before.settings), ["features.model: \"x\" → \"y\""]);
    }

    #[test]
    fn a_setting_under_its_old_name_is_the_same_setting() {
        let of = |schedule: &str| Fingerprint {
            settings: json!({"generate.steps": 25, "guidance.schedule": schedule}),
            inputs: json!([]).into(),
        };
        let before = json!({"generate.schedule": "sigma", "generate.steps": 25});
        assert!(of("sigma").changes_since(&before).is_empty());
        let changed = ["guidance.published.schedule: \"sigma\" → \"flat\""];
        assert_eq!(of("flat").changes_since(&before), changed);
    }

    #[test]
    fn settings_that_only_one_has_are_told_where_nothing_else_differs() {
        let of = |settings: Value| Fingerprint { settings, inputs: json!([]).into() };
        let coda = of(json!({"algorithm": "coda", "min_samples": 3, "pca": null}));
        let kmeans = json!({"algorithm": "kmeans", "pca": 50});
        let both = ["algorithm: \"kmeans\" → \"coda\"", "pca: 50 → null"];
        assert_eq!(coda.changes_since(&kmeans), both);
        let earlier = json!({"algorithm": "coda", "pca": null});
        assert_eq!(coda.changes_since(&earlier), ["min_samples: unset → 3"]);
    }
}
