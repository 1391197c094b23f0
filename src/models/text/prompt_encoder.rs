//! Prompts as the denoiser takes them: the hidden states of a family's text encoders joined, and the pooled ones.
//!
//! CLIP's states stand side by side. Those of T5 follow, token after token, and decide the width (SD 3); where SD 3 goes
//! without T5, zeros stand in the place of its tokens.

use super::embedding::PromptEmbedding;
use super::encoder::{Encoded, TextEncoder};
use crate::models::error::DiffusionError;
use crate::models::family::TextKind;
use crate::models::folder::ModelFolder;
use crate::onnx::{Graph, GraphOptions, Runtime};

/// Width of T5's states where the denoiser's configuration doesn't say.
const T5_WIDTH: usize = 4096;

/// The text encoders of a model with their tokenizers.
pub(in crate::models) struct PromptEncoder {
    /// In the order of the family.
    encoders: Vec<TextEncoder>,
    zeros_when_empty: bool,
    /// Width of the zeros that stand for a text encoder which the model goes without.
    absent_width: Option<usize>,
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
        let mut beside = encoders.iter().filter(|encoder| encoder.stands_beside());
        if let Some(first) = beside.next()
            && let Some(other) = beside.find(|other| other.tokens() != first.tokens())
        {
            let (yields, expected) = (other.tokens(), first.tokens());
            let reason = format!("{yields} tokens, but the other tokenizer yields {expected}");
            return Err(DiffusionError::tokenizer(other.tokenizer_folder(), reason));
        }
        let absent = folder.text.len() < folder.family.text.len();
        let width = folder.denoiser_config.joint_attention_dim.unwrap_or(T5_WIDTH);
        Ok(Self {
            encoders,
            zeros_when_empty: folder.force_zeros_for_empty_prompt,
            absent_width: absent.then_some(width),
        })
    }

    /// Encodes a prompt; an empty one too.
    ///
    /// # Errors
    /// Of the tokenizers and graphs, and non-finite output.
    pub fn encode(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        self.joined(|encoder| encoder.encode(text))
    }

    /// Encodes a negative prompt. An empty one is "none": zeros where the model says so.
    ///
    /// # Errors
    /// As [`PromptEncoder::encode`].
    pub fn encode_negative(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        let embedding = self.joined(|encoder| encoder.encode_negative(text))?;
        let none = text.is_empty() && self.zeros_when_empty;
        Ok(if none { embedding.zeros_like() } else { embedding })
    }

    fn joined(
        &mut self,
        encode: impl Fn(&mut TextEncoder) -> Result<Encoded, DiffusionError>,
    ) -> Result<PromptEmbedding, DiffusionError> {
        let mut all = PromptEmbedding::default();
        for encoder in &mut self.encoders {
            let Encoded { hidden, tokens, pooled, mask } = encode(encoder)?;
            all.pooled.extend(pooled);
            if encoder.stands_beside() {
                all.join_beside(hidden, tokens);
                continue;
            }
            let width = hidden.len() / tokens.max(1);
            if !hidden.is_empty() && !all.join_after(hidden, width) {
                return Err(encoder.too_narrow(width, all.width()));
            }
            if matches!(encoder.kind(), TextKind::Gemma { .. }) {
                all.mask = mask;
            }
        }
        if let (Some(width), Some(first)) = (self.absent_width, self.encoders.first())
            && !all.join_after(vec![0.0; width * first.tokens()], width)
        {
            return Err(first.too_wide(all.width(), width));
        }
        Ok(all)
    }
}
