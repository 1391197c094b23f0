//! Prompts: from text to tokens, and from tokens to what the denoiser takes.

mod added_tokens;
mod embedding;
mod encoder;
#[cfg(test)]
mod golden_tests;
mod merges;
mod part_tokens;
mod prompt_encoder;
mod prompt_tokens;
mod sentence_pieces;
mod tokenizer;
#[cfg(test)]
mod tokenizer_tests;

pub use embedding::PromptEmbedding;
pub(super) use encoder::TextEncoder;
pub(super) use part_tokens::PartTokens;
pub(super) use prompt_encoder::PromptEncoder;
pub use prompt_tokens::PromptTokens;
pub use tokenizer::{Cut, Tokenizer};
