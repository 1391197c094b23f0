//! CLIP's tokenizer: byte-pair encoding of lower-cased words, framed and padded to fixed length.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Lowercase, NFC, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::error::DiffusionError;
use super::folder::read_json;
use super::look::unread;

/// What CLIP takes for a word: an English contraction's ending, a run of letters, one digit, or a
/// run of anything else but white space.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Far beyond any prompt (CLIP takes 77 tokens): each one is padded to the tokenizer's length.
const MOST_TOKENS: usize = 65_536;

/// A tokenizer and the tokens that frame its output.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    folder: PathBuf,
    length: usize,
    begin: u32,
    end: u32,
    pad: u32,
}

/// A special token, written as a string or as an object with its settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Plain(String),
    Detailed { content: String },
}

/// The keys shared by `special_tokens_map.json` and `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct TokenSettings {
    bos_token: Option<SpecialToken>,
    eos_token: Option<SpecialToken>,
    pad_token: Option<SpecialToken>,
    unk_token: Option<SpecialToken>,
    /// Python writes 10³⁰ for "unlimited".
    model_max_length: Option<f64>,
}

impl SpecialToken {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Detailed { content: text } => text,
        }
    }
}

impl Tokenizer {
    /// Reads a tokenizer's folder: `vocab.json` with `merges.txt`, or else `tokenizer.json`.
    /// `max_positions` is the number of tokens that the encoder takes.
    ///
    /// # Errors
    /// The file missing or at fault, or the special token that the vocabulary lacks.
    pub fn open(folder: &Path, max_positions: usize) -> Result<Self, DiffusionError> {
        let config: TokenSettings =
            read_json(&folder.join("tokenizer_config.json"), "the tokenizer's settings")?;
        let map_path = folder.join("special_tokens_map.json");
        let map: TokenSettings = if map_path.is_file() {
            read_json(&map_path, "the special tokens")?
        } else {
            TokenSettings::default()
        };
        let text = |first: Option<SpecialToken>, second: Option<SpecialToken>, fallback: &str| {
            first.or(second).map_or_else(|| fallback.to_owned(), SpecialToken::into_text)
        };
        let begin = text(map.bos_token, config.bos_token, "<|startoftext|>");
        let end = text(map.eos_token, config.eos_token, "<|endoftext|>");
        let pad = text(map.pad_token, config.pad_token, &end);
        let unknown = text(map.unk_token, config.unk_token, &end);

        let mut inner = byte_pair_encoder(folder, &unknown)?;
        let special = [&begin, &end, &pad, &unknown];
        inner.add_special_tokens(&special.map(|token| AddedToken::from(token, true)));
        let id = |token: &str| {
            inner.token_to_id(token).ok_or_else(|| {
                failure(folder, format!("special token \"{token}\" is not in the vocabulary"))
            })
        };
        let (begin, end, pad) = (id(&begin)?, id(&end)?, id(&pad)?);
        let limit = config.model_max_length.map_or(max_positions, |limit| limit as usize);
        let length = limit.min(max_positions);
        if length < 2 {
            return Err(failure(folder, format!("a length of {length} tokens leaves no room")));
        }
        if length > MOST_TOKENS {
            return Err(failure(folder, format!("a length of {length} tokens is no prompt's")));
        }
        Ok(Self { inner, folder: folder.to_path_buf(), length, begin, end, pad })
    }

    /// Number of ids that [`Tokenizer::encode`] yields.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Number of tokens that it knows, special ones counted.
    pub(super) fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Token ids of `text`: begin, the text's tokens cut to fit, end, padding.
    ///
    /// # Errors
    /// [`DiffusionError::Tokenizer`] when the text can't be tokenized.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, DiffusionError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| failure(&self.folder, format!("\"{text}\": {error}")))?;
        let words = encoding.get_ids().iter().copied().take(self.length - 2);
        let framed = std::iter::once(self.begin).chain(words).chain([self.end]);
        let padding = std::iter::repeat(self.pad);
        Ok(framed.chain(padding).take(self.length).map(i64::from).collect())
    }
}

fn byte_pair_encoder(
    folder: &Path,
    unknown: &str,
) -> Result<tokenizers::Tokenizer, DiffusionError> {
    let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let whole = folder.join("tokenizer.json");
    let fail = |error: tokenizers::Error| failure(folder, error.to_string());
    if !vocabulary.is_file() && whole.is_file() {
        let mut inner = tokenizers::Tokenizer::from_file(&whole).map_err(fail)?;
        // Framing, cutting and padding are done here, alike for both kinds of folder.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(fail)?;
        return Ok(inner);
    }
    let vocabulary: HashMap<String, u32> =
        read_json(&vocabulary, "the tokenizer's vocabulary (or tokenizer.json instead)")?;
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(),
            read_merges(&merges)?,
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

fn read_merges(path: &Path) -> Result<Vec<(String, String)>, DiffusionError> {
    let bytes = std::fs::read(path).map_err(unread(path, "the tokenizer's merges"))?;
    let text = String::from_utf8(bytes).map_err(|error| DiffusionError::Config {
        path: path.to_path_buf(),
        reason: format!("it is no text in UTF-8: {}", error.utf8_error()),
    })?;
    let merges = text.lines().filter(|line| !line.starts_with("#version") && !line.is_empty());
    merges
        .map(|line| {
            let pair = line.split_once(' ').ok_or_else(|| DiffusionError::Config {
                path: path.to_path_buf(),
                reason: format!("\"{line}\" is no pair of tokens"),
            })?;
            Ok((pair.0.to_owned(), pair.1.to_owned()))
        })
        .collect()
}

fn failure(folder: &Path, reason: String) -> DiffusionError {
    DiffusionError::Tokenizer { path: folder.to_path_buf(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_no_prompt_has_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("tokenizer_config.json", r#"{"bos_token": "a", "eos_token": "b"}"#);
        write("vocab.json", r#"{"a": 0, "b": 1}"#);
        write("merges.txt", "#version: 0.2\n");
        let tokens = |positions| Tokenizer::open(dir.path(), positions)?.encode("");
        assert_eq!(tokens(4).unwrap(), [0, 1, 1, 1]);
        for positions in [1, usize::MAX] {
            let error = tokens(positions).unwrap_err().to_string();
            assert!(error.contains("a length of"), "{error}");
        }
    }
}
