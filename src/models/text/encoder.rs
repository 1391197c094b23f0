//! One text encoder with its tokenizer.

use std::path::{Path, PathBuf};

use super::part_tokens::{PartTokens, Tokens};
use crate::models::error::DiffusionError;
use crate::models::family::{HiddenStates, TextKind};
use crate::models::folder::TextPart;
use crate::onnx::{Graph, Port, Tensor};

/// Outputs `hidden_states.0` (the embedding) to `hidden_states.N` (after the last layer).
const HIDDEN_STATES: &str = "hidden_states.";
/// The output of the last layer after its normalisation.
const LAST: &str = "last_hidden_state";

/// One text encoder with its tokenizer.
pub(in crate::models) struct TextEncoder {
    graph: Graph,
    tokens: PartTokens,
    /// The tokenizer's folder.
    folder: PathBuf,
    /// The output that is the hidden states, where they are taken.
    hidden: Option<String>,
    /// The output that is the pooled prompt, where the encoder has it.
    pooled: Option<&'static str>,
}

/// What a text encoder gives for a prompt.
pub(in crate::models) struct Encoded {
    /// Hidden states, one row a token; empty where they are not taken.
    pub(super) hidden: Vec<f32>,
    pub(super) tokens: usize,
    /// The pooled prompt; empty where the encoder has none.
    pub(super) pooled: Vec<f32>,
    /// 1 for each token that is no padding.
    pub(super) mask: Vec<f32>,
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
        let tokens = PartTokens::open(part)?;
        let role = part.role;
        let hidden = role.hidden.map(|wanted| hidden_output(wanted, &graph)).transpose()?;
        if let Some(pooled) = role.pooled.filter(|pooled| !has(&graph, pooled)) {
            let reason = format!(
                "it lacks the output {pooled}, so it is not the {} of its model",
                role.folder
            );
            return Err(wrong(graph.path(), &reason));
        }
        let (folder, pooled) = (part.tokenizer.clone(), role.pooled);
        Ok(Self { graph, tokens, folder, hidden, pooled })
    }

    /// Whether its hidden states stand beside those of the encoders before.
    pub(super) fn stands_beside(&self) -> bool {
        self.kind() == TextKind::Clip && self.hidden.is_some()
    }

    pub(super) fn kind(&self) -> TextKind {
        self.tokens.role.kind
    }

    /// Number of tokens that the denoiser takes of it.
    pub(super) fn tokens(&self) -> usize {
        self.tokens.length()
    }

    pub(super) fn tokenizer_folder(&self) -> &Path {
        &self.folder
    }

    /// Encodes a prompt.
    ///
    /// # Errors
    /// Of the tokenizer and the graph, and non-finite output.
    pub(in crate::models) fn encode(&mut self, text: &str) -> Result<Encoded, DiffusionError> {
        let tokens = self.tokens.prompt(text)?;
        self.run(text, tokens)
    }

    /// Encodes a negative prompt.
    ///
    /// # Errors
    /// As [`TextEncoder::encode`].
    pub(super) fn encode_negative(&mut self, text: &str) -> Result<Encoded, DiffusionError> {
        let tokens = self.tokens.negative(text)?;
        self.run(text, tokens)
    }

    fn run(&mut self, text: &str, tokens: Tokens) -> Result<Encoded, DiffusionError> {
        let want: Vec<&str> = self.hidden.as_deref().into_iter().chain(self.pooled).collect();
        let mut outputs = self.graph.run(&inputs(&self.graph, &tokens), &want)?.into_iter();
        let (mut hidden, rows) = (Vec::new(), tokens.ids.len());
        if self.hidden.is_some() {
            let found = outputs.next().filter(
                |hidden| matches!(hidden.shape[..], [1, found, width] if found == rows && width > 0),
            );
            hidden = found.map(Tensor::into_f32).ok_or_else(|| {
                wrong(self.graph.path(), "its hidden states are not one row per token")
            })?;
        }
        let pooled = outputs.next().map(Tensor::into_f32).unwrap_or_default();
        if hidden.iter().chain(&pooled).any(|value| !value.is_finite()) {
            let at = format!("for the prompt \"{text}\"");
            let (path, images) = (self.graph.path().to_path_buf(), Vec::new());
            return Err(DiffusionError::NonFinite { path, at, images });
        }
        let mask: Vec<f32> = tokens.mask().iter().map(|&one| one as f32).collect();
        Ok(Encoded {
            hidden: tokens.taken(&hidden, hidden.len() / rows.max(1)),
            tokens: rows.min(tokens.taken),
            pooled,
            mask: tokens.taken(&mask, 1),
        })
    }

    /// The error of an encoder whose rows are narrower than those of the ones before.
    pub(super) fn too_narrow(&self, width: usize, before: usize) -> DiffusionError {
        let reason =
            format!("it gives {width} values a token, and the other text encoders {before}");
        wrong(self.graph.path(), &reason)
    }

    /// The error of encoders whose rows are wider than the denoiser's.
    pub(super) fn too_wide(&self, width: usize, taken: usize) -> DiffusionError {
        let reason = format!(
            "it gives, with the other text encoders, {width} values a token, and the denoiser takes {taken}"
        );
        wrong(self.graph.path(), &reason)
    }
}

/// The inputs that the graph takes: token ids, and in some exports which of them count and where they stand.
fn inputs(graph: &Graph, tokens: &Tokens) -> Vec<(&'static str, Tensor)> {
    let count = tokens.ids.len();
    let positions = (0..count as i64).collect();
    let all = [
        ("input_ids", tokens.ids.clone()),
        ("attention_mask", tokens.attended()),
        ("position_ids", positions),
    ];
    let taken = all.into_iter().filter(|(name, _)| graph.input(name).is_some());
    taken.map(|(name, values)| (name, Tensor::i64([1, count], values))).collect()
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

fn wrong(path: &Path, reason: &str) -> DiffusionError {
    DiffusionError::WrongGraph { path: path.to_path_buf(), reason: reason.to_owned() }
}
