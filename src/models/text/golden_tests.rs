//! Prompts of each family against diffusers' recorded embeddings (tests/golden/families).

use safetensors::SafeTensors;
use serde_json::Value;

use super::{PromptEmbedding, PromptEncoder, sentence_pieces};
use crate::models::folder::ModelFolder;
use crate::models::golden::{family_file, miniature, runtime, values};
use crate::onnx::{GraphOptions, Runtime};

const TOLERANCE: f32 = 1e-4;
/// Tokens that no recorded text has.
const LONG: usize = 4096;

/// Compares the embedding with the recorded one of `kind` in `file`.
fn agrees(found: &PromptEmbedding, (name, file, kind): (&str, &str, &str)) {
    let bytes = family_file(name, file);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let parts = [("hidden", &found.hidden), ("pooled", &found.pooled), ("mask", &found.mask)];
    for (part, values_found) in parts {
        let key = format!("{kind}.{part}");
        if tensors.tensor(&key).is_err() {
            assert!(values_found.is_empty(), "{name}: {key} is not recorded");
            continue;
        }
        let expected = values(&tensors, &key);
        assert_eq!(values_found.len(), expected.len(), "{name}: {key}");
        let pairs = values_found.iter().zip(&expected);
        let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < TOLERANCE, "{name}: {key}: {off}");
    }
}

/// Encodes the recorded texts with the text encoders of `folder`, and compares them with `file`.
fn prompts_agree(runtime: &Runtime, folder: &ModelFolder, (name, file): (&str, &str)) {
    let texts: Value = serde_json::from_slice(&family_file(name, "loops.json")).unwrap();
    let text = |key: &str| texts[key].as_str().unwrap();
    let mut encoder = PromptEncoder::load(folder, runtime, &GraphOptions::default()).unwrap();
    agrees(&encoder.encode(text("prompt")).unwrap(), (name, file, "prompt"));
    if name.starts_with("flux") {
        return;
    }
    agrees(&encoder.encode_negative(text("negative")).unwrap(), (name, file, "negative"));
}

#[test]
fn prompts_of_each_family_are_diffusers() {
    let Some(runtime) = runtime() else { return };
    for name in ["sd3", "flux-dev", "sana"] {
        prompts_agree(&runtime, &miniature(name), (name, "prompts.safetensors"));
    }
}

#[test]
fn without_t5_zeros_stand_in_the_place_of_its_tokens() {
    let Some(runtime) = runtime() else { return };
    let mut folder = miniature("sd3");
    folder.text.pop();
    prompts_agree(&runtime, &folder, ("sd3", "prompts-without-t5.safetensors"));
}

#[test]
fn tokens_of_odd_texts_are_transformers() {
    for name in ["sd3", "sana"] {
        let folder = miniature(name);
        let recorded: Value = serde_json::from_slice(&family_file(name, "tokens.json")).unwrap();
        for (tokenizer, texts) in recorded.as_object().unwrap() {
            let part = folder.text.iter().find(|part| part.role.tokenizer == tokenizer).unwrap();
            let opened = sentence_pieces::open(&part.tokenizer, part.role.kind, LONG).unwrap();
            for entry in texts.as_array().unwrap() {
                let text = entry["text"].as_str().unwrap();
                let (mut ids, used) = opened.encode_to(text, LONG).unwrap();
                ids.truncate(used);
                assert_eq!(Value::from(ids), entry["ids"], "{name}/{tokenizer}: {text:?}");
            }
        }
    }
}
