//! Prompts as the denoiser takes them: the hidden states of a family's text encoders side by side, and the pooled
//! projection of the one that has it.

use std::path::{Path, PathBuf};

use super::tokenizer::Tokenizer;
use crate::models::error::DiffusionError;
use crate::models::family::HiddenStates;
use crate::models::folder::{ModelFolder, TextPart};
use crate::onnx::{Graph, GraphOptions, Port, Runtime, Tensor};

/// Outputs `hidden_states.0` (the embedding) to `hidden_states.N` (after the last layer).
const HIDDEN_STATES: &str = "hidden_states.";
/// The output of the last layer after its normalisation.
const LAST: &str = "last_hidden_state";
/// The output of the pooled projection.
const POOLED: &str = "text_embeds";

/// A prompt, encoded. Encode each prompt once and keep this.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptEmbedding {
    /// Number of tokens.
    pub tokens: usize,
    /// Hidden states, tokens × (the widths of all text encoders together), row-major.
    pub hidden: Vec<f32>,
    /// Pooled projection; empty where the family has none.
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
pub(in crate::models) struct PromptEncoder {
    /// In the order of the family.
    encoders: Vec<TextEncoder>,
    zeros_when_empty: bool,
}

/// One text encoder with its tokenizer.
pub(in crate::models) struct TextEncoder {
    graph: Graph,
    tokenizer: Tokenizer,
    /// The tokenizer's folder.
    folder: PathBuf,
    /// The outputs that are taken: the hidden states, then the pooled projection where the encoder has it.
    outputs: Vec<String>,
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
        let open =
            |part| TextEncoder::from_graph(part, Graph::open(runtime, &part.graph, options)?);
        let encoders = folder.text.iter().map(open).collect::<Result<_, _>>()?;
        Self::from_parts(folder, encoders)
    }

    /// Joins the text encoders of `folder`, which are in the order of its family.
    pub(in crate::models) fn from_parts(
        folder: &ModelFolder,
        encoders: Vec<TextEncoder>,
    ) -> Result<Self, DiffusionError> {
        if let [first, others @ ..] = &encoders[..]
            && let Some(other) =
                others.iter().find(|e| e.tokenizer.length() != first.tokenizer.length())
        {
            let (yields, expected) = (other.tokenizer.length(), first.tokenizer.length());
            let reason = format!("{yields} tokens, but the other tokenizer yields {expected}");
            return Err(DiffusionError::Tokenizer { path: other.folder.clone(), reason });
        }
        Ok(Self { encoders, zeros_when_empty: folder.force_zeros_for_empty_prompt })
    }

    /// Encodes a prompt; an empty one too.
    ///
    /// # Errors
    /// Of the tokenizers and graphs, and non-finite output.
    pub fn encode(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        let mut all = PromptEmbedding { tokens: 0, hidden: Vec::new(), pooled: Vec::new() };
        for encoder in &mut self.encoders {
            let (hidden, pooled) = encoder.encode(text)?;
            all.tokens = encoder.tokenizer.length();
            all.hidden = join_rows(&all.hidden, hidden, all.tokens);
            all.pooled.extend(pooled);
        }
        Ok(all)
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
    /// Takes an open graph as the text encoder `part`.
    ///
    /// # Errors
    /// The tokenizer's, and [`DiffusionError::WrongGraph`] for a graph without the outputs of the part's role.
    pub(in crate::models) fn from_graph(
        part: &TextPart,
        graph: Graph,
    ) -> Result<Self, DiffusionError> {
        let tokenizer = Tokenizer::open(&part.tokenizer, part.max_positions)?;
        let mut outputs = vec![hidden_output(part.role.hidden, &graph)?];
        if part.role.pooled {
            if !has(&graph, POOLED) {
                let reason = format!(
                    "it lacks the output {POOLED}, so it is not the {} of its model",
                    part.role.folder
                );
                return Err(wrong(graph.path(), &reason));
            }
            outputs.push(POOLED.to_owned());
        }
        Ok(Self { graph, tokenizer, folder: part.tokenizer.clone(), outputs })
    }

    /// Gives the hidden states, and the pooled projection where the encoder has it.
    pub(in crate::models) fn encode(
        &mut self,
        text: &str,
    ) -> Result<(Vec<f32>, Vec<f32>), DiffusionError> {
        let ids = self.tokenizer.encode(text)?;
        let tokens = ids.len();
        let inputs = [("input_ids", Tensor::i64([1, tokens], ids))];
        let want: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let mut outputs = self.graph.run(&inputs, &want)?.into_iter();
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

/// The output of a text encoder that holds the hidden states that are wanted.
fn hidden_output(wanted: HiddenStates, graph: &Graph) -> Result<String, DiffusionError> {
    let lacks = |reason| wrong(graph.path(), reason);
    match wanted {
        HiddenStates::Last if has(graph, LAST) => Ok(LAST.to_owned()),
        HiddenStates::Last => Err(lacks("it lacks the output last_hidden_state")),
        HiddenStates::Penultimate => {
            let index = |port: &Port| port.name.strip_prefix(HIDDEN_STATES)?.parse::<usize>().ok();
            let last = graph.outputs().iter().filter_map(index).max();
            let penultimate = last.and_then(|last| last.checked_sub(1)).ok_or_else(|| {
                lacks("it lacks hidden states: export it again as a text-to-image model")
            })?;
            Ok(format!("{HIDDEN_STATES}{penultimate}"))
        }
    }
}

fn has(graph: &Graph, output: &str) -> bool {
    graph.outputs().iter().any(|port| port.name == output)
}

/// Joins two row-major matrices of `rows` rows side by side.
fn join_rows(left: &[f32], right: Vec<f32>, rows: usize) -> Vec<f32> {
    if left.is_empty() {
        return right;
    }
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
            join_rows(&[1.0, 2.0], vec![3.0, 4.0, 5.0, 6.0], 2),
            [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]
        );
    }
}
