//! The settings of a run that a card tells. A card is given away: no logins, no commands, no folders of this machine.

use crate::objects::without_secrets_in;
use crate::store::RunRecord;
use serde_json::Value;

/// The settings that say what the images are, section by section; others concern the machine, or have their defaults'
/// meaning only beside these.
const TOLD: [&str; 24] = [
    "data.label",
    "encode.size",
    "features.model",
    "discover.algorithm",
    "discover.ipc",
    "discover.features",
    "discover.pca",
    "discover.min_label_purity",
    "discover.seed",
    "anchor.kind",
    "anchor.members",
    "anchor.spread",
    "generate.size",
    "generate.steps",
    "generate.cfg",
    "generate.scheduler",
    "generate.sigmas",
    "generate.prompt",
    "generate.negative_prompt",
    "generate.noise",
    "generate.seed",
    "generate.denoising_factor",
    "generate.mix",
    "output.size",
];

/// Name and value of each, those that have one.
pub(super) fn facts(record: &RunRecord) -> Vec<(String, String)> {
    let settings = &record.settings;
    let mut facts = vec![("program".to_owned(), record.program.clone())];
    let shards = settings["data"]["shards"]["patterns"].as_array();
    let shards: Vec<String> =
        shards.into_iter().flatten().filter_map(Value::as_str).map(place).collect();
    facts.push(("data.shards".to_owned(), shards.join(", ")));
    for key in ["path", "refiner"] {
        if let Some(path) = settings["model"][key].as_str() {
            facts.push((format!("model.{key}"), place(path)));
        }
    }
    for name in TOLD {
        let Some((section, key)) = name.split_once('.') else { continue };
        let value = match (&settings[section][key], name) {
            (Value::Null, _) => continue,
            (Value::String(path), "features.model") => place(path),
            (Value::String(text), _) => without_secrets_in(text),
            (other, _) => other.to_string(),
        };
        facts.push((name.to_owned(), value));
    }
    if !settings["guidance"].is_null() {
        facts.push(("guidance".to_owned(), settings["guidance"].to_string()));
    }
    facts.retain(|(_, value)| !value.is_empty() && value != "null");
    facts
}

/// A pattern or a path as a stranger may see it: an address without its secrets, of a command that it is one, of a path its
/// last part.
fn place(pattern: &str) -> String {
    if pattern.starts_with("pipe:") {
        return "pipe: (a command)".to_owned();
    }
    if pattern.contains("://") {
        return without_secrets_in(pattern);
    }
    let pattern = pattern.trim_end_matches('/');
    pattern.rsplit('/').next().unwrap_or(pattern).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_card_tells_no_secrets_and_no_folders() {
        let record = RunRecord {
            program: "coda-pipe 1".into(),
            settings: json!({
                "data": {"shards": {"patterns": [
                    "https://me:pass@host/a.tar?sig=abc", "pipe:curl -H 'Authorization: Bearer xyz' h",
                    "/home/joe/a-{0..3}.tar",
                ]}, "label": "cls"},
                "model": {"path": "/home/joe/sdxl-onnx", "refiner": null},
                "discover": {"ipc": 10},
                "generate": {"prompt": "{name}", "negative_prompt": ""},
            }),
            ..RunRecord::default()
        };
        let facts = facts(&record);
        let text = format!("{facts:?}");
        for secret in ["pass", "sig=", "Bearer", "joe"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        let of =
            |name: &str| facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(of("data.shards"), Some("https://host/a.tar, pipe: (a command), a-{0..3}.tar"));
        assert_eq!((of("model.path"), of("discover.ipc")), (Some("sdxl-onnx"), Some("10")));
        assert_eq!((of("model.refiner"), of("generate.negative_prompt")), (None, None));
    }
}
