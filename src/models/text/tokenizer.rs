//! Tokenizers: framed and padded to fixed length. CLIP's is byte-pair encoding of lower-cased words.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Lowercase, NFC, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use super::added_tokens::{self, AddedTokens};
use super::merges::read_merges;
use crate::models::error::DiffusionError;
use crate::models::json::{read_json, read_json_if_there};

/// What CLIP takes for a word: an English contraction's ending, a run of letters, one digit, or a
/// run of anything else but white space.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Far beyond any prompt (CLIP takes 77 tokens): each one is padded to the tokenizer's length.
const MOST_TOKENS: usize = 65_536;

/// A tokenizer and the tokens that frame its output.
pub struct Tokenizer {
    pub(super) inner: tokenizers::Tokenizer,
    folder: PathBuf,
    length: usize,
    begin: Option<u32>,
    end: Option<u32>,
    pad: u32,
}

/// The special tokens of a tokenizer, where it has them.
pub(super) struct Frame {
    pub(super) begin: Option<String>,
    pub(super) end: Option<String>,
    pub(super) pad: String,
}

/// A special token, written as a string or as an object with its settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum SpecialToken {
    Plain(String),
    Detailed { content: String },
}

/// The keys shared by `special_tokens_map.json` and `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenSettings {
    pub(super) bos_token: Option<SpecialToken>,
    pub(super) eos_token: Option<SpecialToken>,
    pub(super) pad_token: Option<SpecialToken>,
    unk_token: Option<SpecialToken>,
    /// Gemma: whether a text begins with that token.
    pub(super) add_bos_token: Option<bool>,
    /// Gemma: whether it ends with that token.
    pub(super) add_eos_token: Option<bool>,
    /// Python writes 10³⁰ for "unlimited".
    model_max_length: Option<Length>,
    pub(super) added_tokens_decoder: AddedTokens,
}

/// A number, also as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Length {
    Number(f64),
    Text(String),
}

/// What of a prompt does not reach the text encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Tokens that the prompt has, those that frame it counted.
    pub tokens: usize,
    /// Tokens that the text encoder takes.
    pub limit: usize,
    /// The end of the prompt, which is cut off.
    pub rest: String,
}

impl SpecialToken {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Detailed { content: text } => text,
        }
    }
}

impl Length {
    fn tokens(&self) -> Option<usize> {
        match self {
            Self::Number(number) => Some(*number as usize),
            Self::Text(text) => text.trim().parse::<f64>().ok().map(|number| number as usize),
        }
    }
}

impl Tokenizer {
    /// Reads a tokenizer's folder: `vocab.json` with `merges.txt`, or else `tokenizer.json`; and the tokens that were added
    /// to it later (`added_tokens.json`, `added_tokens_decoder` in `tokenizer_config.json`).
    /// `max_positions` is the number of tokens that the encoder takes.
    ///
    /// # Errors
    /// The file missing or at fault, or the special token that the vocabulary lacks.
    pub fn open(folder: &Path, max_positions: usize) -> Result<Self, DiffusionError> {
        let (config, map) = settings(folder)?;
        let text = |first: Option<SpecialToken>, second: Option<SpecialToken>, fallback: &str| {
            first.or(second).map_or_else(|| fallback.to_owned(), SpecialToken::into_text)
        };
        let begin = text(map.bos_token, config.bos_token, "<|startoftext|>");
        let end = text(map.eos_token, config.eos_token, "<|endoftext|>");
        let pad = text(map.pad_token, config.pad_token, &end);
        let unknown = text(map.unk_token, config.unk_token, &end);

        let special = [&begin, &end, &pad, &unknown].map(String::as_str);
        let added = config.added_tokens_decoder.with_list(folder)?;
        let mut inner = byte_pair_encoder(folder, &unknown, &added, &special)?;
        added_tokens::add(&mut inner, folder, &special, &added)?;
        let limit = match &config.model_max_length {
            None => max_positions,
            Some(limit) => limit.tokens().ok_or_else(|| {
                DiffusionError::tokenizer(
                    folder,
                    format!("model_max_length {limit:?} is no number"),
                )
            })?,
        };
        let frame = Frame { begin: Some(begin), end: Some(end), pad };
        Self::framed(inner, folder, limit.min(max_positions), &frame)
    }

    /// Frames what `inner` yields, to `length` tokens in all.
    ///
    /// # Errors
    /// The token that the vocabulary lacks, or a length that no prompt has.
    pub(super) fn framed(
        inner: tokenizers::Tokenizer,
        folder: &Path,
        length: usize,
        frame: &Frame,
    ) -> Result<Self, DiffusionError> {
        let id = |token: &String| {
            inner.token_to_id(token).ok_or_else(|| {
                DiffusionError::tokenizer(
                    folder,
                    format!("special token \"{token}\" is not in the vocabulary"),
                )
            })
        };
        let begin = frame.begin.as_ref().map(id).transpose()?;
        let end = frame.end.as_ref().map(id).transpose()?;
        let pad = id(&frame.pad)?;
        if length < 2 {
            return Err(DiffusionError::tokenizer(
                folder,
                format!("a length of {length} tokens leaves no room"),
            ));
        }
        if length > MOST_TOKENS {
            return Err(DiffusionError::tokenizer(
                folder,
                format!("a length of {length} tokens is no prompt's"),
            ));
        }
        Ok(Self { inner, folder: folder.to_path_buf(), length, begin, end, pad })
    }

    /// Number of ids that [`Tokenizer::encode`] yields.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Number of tokens that it knows, special ones and those that were added counted.
    pub(in crate::models) fn vocabulary(&self) -> usize {
        self.inner.get_vocab(true).len()
    }

    /// What of `text` is cut off to fit, if anything is.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn cut(&self, text: &str) -> Result<Option<Cut>, DiffusionError> {
        self.cut_to(text, self.length)
    }

    /// The same for a text of `length` tokens.
    pub(super) fn cut_to(&self, text: &str, length: usize) -> Result<Option<Cut>, DiffusionError> {
        let encoding = self.tokens(text)?;
        let (tokens, kept) = (encoding.len(), length.saturating_sub(self.framing()));
        if tokens <= kept {
            return Ok(None);
        }
        let start = encoding.get_offsets().get(kept).map_or(0, |(start, _)| *start);
        let rest = text.get(start..).unwrap_or(text).to_owned();
        Ok(Some(Cut { tokens: tokens + self.framing(), limit: length, rest }))
    }

    /// Token ids of `text`: begin, the text's tokens cut to fit, end, padding.
    ///
    /// # Errors
    /// [`DiffusionError::Tokenizer`] when the text can't be tokenized.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, DiffusionError> {
        Ok(self.encode_to(text, self.length)?.0)
    }

    /// The same in `length` tokens, and how many of these are no padding.
    pub(super) fn encode_to(
        &self,
        text: &str,
        length: usize,
    ) -> Result<(Vec<i64>, usize), DiffusionError> {
        let encoding = self.tokens(text)?;
        let kept = encoding.len().min(length.saturating_sub(self.framing()));
        let words = encoding.get_ids().iter().copied().take(kept);
        let framed = self.begin.into_iter().chain(words).chain(self.end);
        let padding = std::iter::repeat(self.pad);
        let ids = framed.chain(padding).take(length).map(i64::from).collect();
        Ok((ids, (kept + self.framing()).min(length)))
    }

    /// Number of tokens that frame a text.
    fn framing(&self) -> usize {
        self.begin.iter().chain(&self.end).count()
    }

    /// Number of tokens of `text`, those that frame it counted.
    pub(super) fn count(&self, text: &str) -> Result<usize, DiffusionError> {
        Ok(self.tokens(text)?.len() + self.framing())
    }

    fn tokens(&self, text: &str) -> Result<tokenizers::Encoding, DiffusionError> {
        let encoded = self.inner.encode(text, false);
        encoded.map_err(|error| {
            DiffusionError::tokenizer(&self.folder, format!("\"{text}\": {error}"))
        })
    }
}

/// What `tokenizer_config.json` and `special_tokens_map.json` say, the second of which may be missing.
pub(super) fn settings(folder: &Path) -> Result<(TokenSettings, TokenSettings), DiffusionError> {
    let config = read_json(&folder.join("tokenizer_config.json"), "the tokenizer's settings")?;
    let map = folder.join("special_tokens_map.json");
    Ok((config, read_json_if_there(&map, "the special tokens")?.unwrap_or_default()))
}

/// The tokenizer in a whole `tokenizer.json`.
pub(super) fn whole(folder: &Path) -> Result<tokenizers::Tokenizer, DiffusionError> {
    let fail = |error: tokenizers::Error| DiffusionError::tokenizer(folder, error.to_string());
    let mut inner =
        tokenizers::Tokenizer::from_file(folder.join("tokenizer.json")).map_err(fail)?;
    // Framing, cutting and padding are done here, alike for all kinds of folders.
    inner.with_padding(None);
    inner.with_truncation(None).map_err(fail)?;
    Ok(inner)
}

/// The tokenizer without the tokens that were `added`. `special` tokens need no merges.
fn byte_pair_encoder(
    folder: &Path,
    unknown: &str,
    added: &AddedTokens,
    special: &[&str],
) -> Result<tokenizers::Tokenizer, DiffusionError> {
    let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let fail = |error: tokenizers::Error| DiffusionError::tokenizer(folder, error.to_string());
    if !(vocabulary.is_file() && merges.is_file()) && folder.join("tokenizer.json").is_file() {
        return whole(folder);
    }
    let mut vocabulary: HashMap<String, u32> =
        read_json(&vocabulary, "the tokenizer's vocabulary (or tokenizer.json instead)")?;
    let known = |token: &str| special.contains(&token) || added.id(token).is_some();
    let merges = read_merges(&merges, &vocabulary, known)?;
    // In the vocabulary they have the ids that they were given, whatever lies between.
    added.ids().for_each(|(token, id)| {
        vocabulary.entry(token.to_owned()).or_insert(id);
    });
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(),
            merges,
        )
        .unk_token(unknown.to_owned())
        .end_of_word_suffix("</w>".to_owned())
        .build()
        .map_err(fail)?;
    let words = SplitPattern::Regex(WORDS.to_owned());
    let split = Split::new(words, SplitDelimiterBehavior::Removed, true).map_err(fail)?;
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_normalizer(Some(Normalizers::new(vec![NFC.into(), Lowercase.into()])));
    inner.with_pre_tokenizer(Some(PreTokenizers::new(vec![
        split.into(),
        ByteLevel::new(false, true, false).into(),
    ])));
    Ok(inner)
}
