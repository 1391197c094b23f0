//! Prompts as the UNet takes them. SDXL: the penultimate hidden states of both CLIP text encoders
//! side by side, and the second one's pooled projection. Stable Diffusion 1 and 2: the only
//! encoder's last hidden state.

use std::path::Path;

use super::error::DiffusionError;
use super::folder::{ModelFolder, TextPart};
use super::tokenizer::Tokenizer;
use crate::onnx::{Graph, GraphOptions, Runtime, Tensor};

/// Outputs `hidden_states.0` (the embedding) to `hidden_states.N` (after the last layer).
const HIDDEN_STATES: &str = "hidden_states.";

/// A prompt, encoded. Encode each prompt once and keep this.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptEmbedding {
    /// Number of tokens.
    pub tokens: usize,
    /// Hidden states, tokens × (width of encoder 1 + width of encoder 2), row-major.
    pub hidden: Vec<f32>,
    /// Pooled projection of encoder 2.
    pub pooled: Vec<f32>,
}

impl PromptEmbedding {
    /// Width of the hidden states.
    pub fn width(&self) -> usize {
        self.hidden.len() / self.tokens.max(1)
    }

    /// Zeros of the same shape.
    pub fn zeros_like(&self) -> Self {
        Self {
            tokens: self.tokens,
            hidden: vec![0.0; self.hidden.len()],
            pooled: vec![0.0; self.pooled.len()],
        }
    }
}

/// The text encoders of a model with their tokenizers.
pub struct PromptEncoder {
    first: Option<TextEncoder>,
    /// SDXL's.
    second: Option<TextEncoder>,
    zeros_when_empty: bool,
}

/// One text encoder with its tokenizer.
pub(super) struct TextEncoder {
    graph: Graph,
    tokenizer: Tokenizer,
    /// The output that is taken.
    hidden: String,
}

impl PromptEncoder {
    /// Opens the text encoders of a model folder.
    ///
    /// # Errors
    /// The tokenizer's file or the graph at fault.
    pub fn load(
        folder: &ModelFolder,
        runtime: &Runtime,
        options: &GraphOptions,
    ) -> Result<Self, DiffusionError> {
        let sdxl = folder.text_encoder_2.is_some();
        let open = |part: &TextPart| {
            TextEncoder::from_graph(part, sdxl, Graph::open(runtime, &part.graph, options)?)
        };
        let first = folder.text_encoder.as_ref().map(open).transpose()?;
        let second = folder.text_encoder_2.as_ref().map(open).transpose()?;
        Self::from_parts(folder, first, second)
    }

    /// The encoders that `folder` has, as one.
    pub(super) fn from_parts(
        folder: &ModelFolder,
        first: Option<TextEncoder>,
        second: Option<TextEncoder>,
    ) -> Result<Self, DiffusionError> {
        second.as_ref().map_or(Ok(()), TextEncoder::check_pooled)?;
        if let (Some(first), Some(second), Some(part)) = (&first, &second, &folder.text_encoder_2)
            && first.tokenizer.length() != second.tokenizer.length()
        {
            let reason = format!(
                "{} tokens, but the other tokenizer yields {}",
                second.tokenizer.length(),
                first.tokenizer.length()
            );
            let path = part.tokenizer.clone();
            return Err(DiffusionError::Tokenizer { path, reason });
        }
        Ok(Self { first, second, zeros_when_empty: folder.force_zeros_for_empty_prompt })
    }

    /// Encodes a prompt; an empty one too.
    ///
    /// # Errors
    /// Of the tokenizers and graphs, and non-finite output.
    pub fn encode(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        let mut tokens = 0;
        let mut encode = |encoder: &mut TextEncoder, pooled| {
            tokens = encoder.tokenizer.length();
            encoder.encode(text, pooled)
        };
        let first = self.first.as_mut().map(|e| encode(e, false)).transpose()?;
        let second = self.second.as_mut().map(|e| encode(e, true)).transpose()?;
        let (hidden, pooled) = match (first, second) {
            (Some((first, _)), Some((second, pooled))) => {
                (join_rows(&first, &second, tokens), pooled)
            }
            (one, other) => one.or(other).unwrap_or_default(),
        };
        Ok(PromptEmbedding { tokens, hidden, pooled })
    }

    /// Encodes a negative prompt. An empty one is "none": zeros where the model says so.
    ///
    /// # Errors
    /// As [`PromptEncoder::encode`].
    pub fn encode_negative(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        let embedding = self.encode(text)?;
        let none = text.is_empty() && self.zeros_when_empty;
        Ok(if none { embedding.zeros_like() } else { embedding })
    }
}

impl TextEncoder {
    pub(super) fn from_graph(
        part: &TextPart,
        sdxl: bool,
        graph: Graph,
    ) -> Result<Self, DiffusionError> {
        let tokenizer = Tokenizer::open(&part.tokenizer, part.max_positions)?;
        if !sdxl {
            let hidden = "last_hidden_state".to_owned();
            return match graph.outputs().iter().any(|port| port.name == hidden) {
                true => Ok(Self { tokenizer, graph, hidden }),
                false => Err(wrong(graph.path(), "it lacks the output last_hidden_state")),
            };
        }
        let index = |port: &crate::onnx::Port| {
            port.name.strip_prefix(HIDDEN_STATES).and_then(|index| index.parse::<usize>().ok())
        };
        let last = graph.outputs().iter().filter_map(index).max();
        let penultimate = last.and_then(|last| last.checked_sub(1)).ok_or_else(|| {
            wrong(graph.path(), "it lacks hidden states: export it again as a text-to-image model")
        })?;
        Ok(Self { tokenizer, hidden: format!("{HIDDEN_STATES}{penultimate}"), graph })
    }

    fn check_pooled(&self) -> Result<(), DiffusionError> {
        let found = self.graph.outputs().iter().any(|port| port.name == "text_embeds");
        let reason = "it lacks the output text_embeds, so it is not SDXL's second text encoder";
        if found { Ok(()) } else { Err(wrong(self.graph.path(), reason)) }
    }

    /// Hidden states, and the pooled projection if wanted.
    pub(super) fn encode(
        &mut self,
        text: &str,
        pooled: bool,
    ) -> Result<(Vec<f32>, Vec<f32>), DiffusionError> {
        let ids = self.tokenizer.encode(text)?;
        let tokens = ids.len();
        let inputs = [("input_ids", Tensor::i64([1, tokens], ids))];
        let want = [self.hidden.as_str(), "text_embeds"];
        let want = if pooled { &want[..] } else { &want[..1] };
        let mut outputs = self.graph.run(&inputs, want)?.into_iter();
        let hidden = outputs.next().filter(
            |hidden| matches!(hidden.shape[..], [1, rows, width] if rows == tokens && width > 0),
        );
        let hidden = hidden.map(Tensor::into_f32).ok_or_else(|| {
            wrong(self.graph.path(), "its hidden states are not one row per token")
        })?;
        let pooled = outputs.next().map(Tensor::into_f32).unwrap_or_default();
        if hidden.iter().chain(&pooled).any(|value| !value.is_finite()) {
            let at = format!("for the prompt \"{text}\"");
            let (path, images) = (self.graph.path().to_path_buf(), Vec::new());
            return Err(DiffusionError::NonFinite { path, at, images });
        }
        Ok((hidden, pooled))
    }
}

/// Joins two row-major matrices of `rows` rows side by side.
fn join_rows(left: &[f32], right: &[f32], rows: usize) -> Vec<f32> {
    let (left_width, right_width) = (left.len() / rows, right.len() / rows);
    let pairs = left.chunks_exact(left_width).zip(right.chunks_exact(right_width));
    pairs.flat_map(|(left, right)| left.iter().chain(right)).copied().collect()
}

fn wrong(path: &Path, reason: &str) -> DiffusionError {
    DiffusionError::WrongGraph { path: path.to_path_buf(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_joined_side_by_side() {
        assert_eq!(
            join_rows(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0], 2),
            [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]
        );
    }
}
