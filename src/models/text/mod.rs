//! Prompts: from text to tokens, and from tokens to what the denoiser takes.

mod added_tokens;
mod encoder;
mod merges;
mod prompt_tokens;
mod tokenizer;

pub(super) use encoder::TextEncoder;
pub use encoder::{PromptEmbedding, PromptEncoder};
pub use prompt_tokens::PromptTokens;
pub use tokenizer::{Cut, Tokenizer};
