//! Tokenizers of T5 and Gemma, from the `tokenizer.json` that transformers' fast tokenizers write.

use std::path::Path;

use super::added_tokens;
use super::tokenizer::{Frame, SpecialToken, Tokenizer, settings, whole};
use crate::models::error::DiffusionError;
use crate::models::family::TextKind;
use crate::models::json::read_bytes;

/// What the file should be, for when it is missing.
const WHOLE: &str = "the whole tokenizer, as transformers' fast tokenizers save it (a SentencePiece model alone is not enough)";

/// The special tokens of a kind: begin, end, padding.
fn usual(kind: TextKind) -> (Option<&'static str>, Option<&'static str>, &'static str) {
    match kind {
        TextKind::Gemma { .. } => (Some("<bos>"), Some("<eos>"), "<pad>"),
        _ => (None, Some("</s>"), "<pad>"),
    }
}

/// Opens the tokenizer of a text encoder of `kind` in `folder`, which takes `length` tokens.
///
/// # Errors
/// The file missing or at fault, or the special token that the vocabulary lacks.
pub(super) fn open(
    folder: &Path,
    kind: TextKind,
    length: usize,
) -> Result<Tokenizer, DiffusionError> {
    let (config, map) = settings(folder)?;
    // Says what a file is that is there and is none of JSON.
    read_bytes(&folder.join("tokenizer.json"), WHOLE)?;
    let mut inner = whole(folder)?;
    let (begin, end, pad) = usual(kind);
    let text = |first: Option<SpecialToken>, second: Option<SpecialToken>, usual: Option<&str>| {
        first.or(second).map(SpecialToken::into_text).or(usual.map(str::to_owned))
    };
    let is_gemma = matches!(kind, TextKind::Gemma { .. });
    let begins = is_gemma && config.add_bos_token.or(map.add_bos_token).unwrap_or(true);
    let ends = !is_gemma || config.add_eos_token.or(map.add_eos_token).unwrap_or(false);
    let frame = Frame {
        begin: text(map.bos_token, config.bos_token, begin).filter(|_| begins),
        end: text(map.eos_token, config.eos_token, end).filter(|_| ends),
        pad: text(map.pad_token, config.pad_token, None).unwrap_or_else(|| pad.to_owned()),
    };
    let special: Vec<&str> =
        frame.begin.iter().chain(&frame.end).chain([&frame.pad]).map(String::as_str).collect();
    // A special token that the file lacks is of another tokenizer, and would get an id that no text encoder knows.
    let lacking = special.iter().find(|token| inner.token_to_id(token).is_none());
    if let Some(token) = lacking {
        let reason = format!("special token \"{token}\" is not in the vocabulary");
        return Err(DiffusionError::tokenizer(folder, reason));
    }
    let added = config.added_tokens_decoder.with_list(folder)?;
    added_tokens::add(&mut inner, folder, &special, &added)?;
    Tokenizer::framed(inner, folder, length, &frame)
}
