//! Prompts: from text to tokens, and from tokens to what the denoiser takes.

mod added_tokens;
mod encoder;
mod merges;
mod prompt_tokens;
mod tokenizer;

pub use encoder::PromptEmbedding;
pub(super) use encoder::{PromptEncoder, TextEncoder};
pub use prompt_tokens::PromptTokens;
pub use tokenizer::{Cut, Tokenizer};
