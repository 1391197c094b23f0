//! The tokens that a text encoder is given for a prompt, as its family's pipeline makes them.

use super::sentence_pieces;
use super::tokenizer::{Cut, Tokenizer};
use crate::models::error::DiffusionError;
use crate::models::family::{TextKind, TextRole};
use crate::models::folder::TextPart;

/// What Sana's pipeline puts before a prompt, as diffusers has it.
const INSTRUCTIONS: &str = include_str!("instructions.txt");

/// The tokenizer of a text encoder, and how its family uses it.
pub(in crate::models) struct PartTokens {
    tokenizer: Tokenizer,
    /// The text encoder's place.
    pub(super) role: &'static TextRole,
    /// Tokens of the instructions before a prompt, where there are such.
    instructions: Option<usize>,
}

/// Tokens of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) ids: Vec<i64>,
    /// How many of them, from the first, are no padding.
    pub(super) used: usize,
    /// How many the denoiser takes: the first one and the last ones.
    pub(super) taken: usize,
    /// Whether the text encoder is told which tokens are padding; others see all of them.
    masked: bool,
}

impl PartTokens {
    /// Opens the tokenizer of `part`.
    ///
    /// # Errors
    /// The tokenizer's file at fault.
    pub(in crate::models) fn open(part: &TextPart) -> Result<Self, DiffusionError> {
        let tokenizer = match part.role.kind {
            TextKind::Clip => Tokenizer::open(&part.tokenizer, part.max_positions)?,
            kind => sentence_pieces::open(&part.tokenizer, kind, part.max_positions)?,
        };
        Self::of(tokenizer, part.role)
    }

    /// As the tokenizer of the text encoder in the place `role`.
    pub(super) fn of(
        tokenizer: Tokenizer,
        role: &'static TextRole,
    ) -> Result<Self, DiffusionError> {
        let instructed = matches!(role.kind, TextKind::Gemma { .. });
        let instructions = instructed.then(|| tokenizer.count(INSTRUCTIONS)).transpose()?;
        Ok(Self { tokenizer, role, instructions })
    }

    /// Number of tokens that the denoiser takes of the text encoder.
    pub(in crate::models) fn length(&self) -> usize {
        self.tokenizer.length()
    }

    /// Number of tokens that the tokenizer knows.
    pub(in crate::models) fn vocabulary(&self) -> usize {
        self.tokenizer.vocabulary()
    }

    /// The tokens of a prompt.
    ///
    /// # Errors
    /// Of the tokenizer.
    pub(super) fn prompt(&self, text: &str) -> Result<Tokens, DiffusionError> {
        let (text, length) = self.instructed(text);
        self.tokens(&text, length)
    }

    /// The tokens of a negative prompt, which has no instructions before.
    ///
    /// # Errors
    /// Of the tokenizer.
    pub(super) fn negative(&self, text: &str) -> Result<Tokens, DiffusionError> {
        self.tokens(&self.cleaned(text), self.length())
    }

    /// What of a prompt is cut off, if anything is.
    ///
    /// # Errors
    /// Of the tokenizer.
    pub(super) fn cut(&self, text: &str) -> Result<Option<Cut>, DiffusionError> {
        let before = self.instructions.unwrap_or(0);
        let (text, length) = self.instructed(text);
        let cut = self.tokenizer.cut_to(&text, length)?;
        // Tokens of the instructions are none of the prompt's.
        Ok(cut.map(|cut| Cut { tokens: cut.tokens - before, limit: cut.limit - before, ..cut }))
    }

    fn tokens(&self, text: &str, length: usize) -> Result<Tokens, DiffusionError> {
        let (ids, used) = self.tokenizer.encode_to(text, length)?;
        let masked = matches!(self.role.kind, TextKind::Gemma { .. });
        Ok(Tokens { ids, used, taken: self.length(), masked })
    }

    /// A prompt with its instructions, and the number of tokens that it is cut and padded to.
    fn instructed(&self, text: &str) -> (String, usize) {
        let text = self.cleaned(text);
        match self.instructions {
            None => (text, self.length()),
            // Two less, as the pipeline has it.
            Some(before) => {
                (format!("{INSTRUCTIONS}{text}"), (before + self.length()).saturating_sub(2))
            }
        }
    }

    /// A prompt in the letters that the text encoder was trained with.
    fn cleaned(&self, text: &str) -> String {
        match self.role.kind {
            TextKind::Gemma { .. } => text.to_lowercase().trim().to_owned(),
            TextKind::Clip | TextKind::T5 { .. } => text.to_owned(),
        }
    }
}

impl Tokens {
    /// 1 for each token that the text encoder attends to, 0 for the others.
    pub(super) fn attended(&self) -> Vec<i64> {
        if self.masked { self.mask() } else { vec![1; self.ids.len()] }
    }

    /// 1 for each token that is no padding, 0 for the others.
    pub(super) fn mask(&self) -> Vec<i64> {
        (0..self.ids.len()).map(|at| i64::from(at < self.used)).collect()
    }

    /// Of a row for each token those that the denoiser takes: the first one and the last ones.
    pub(super) fn taken<T: Copy>(&self, rows: &[T], width: usize) -> Vec<T> {
        let skipped = self.ids.len().saturating_sub(self.taken);
        let kept = rows.chunks_exact(width.max(1)).enumerate();
        kept.filter(|(row, _)| *row == 0 || *row > skipped)
            .flat_map(|(_, row)| row)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_and_the_last_ones_are_taken() {
        let tokens = Tokens { ids: vec![0; 6], used: 5, taken: 3, masked: true };
        assert_eq!(tokens.taken(&tokens.mask(), 1), [1, 1, 0]);
        let rows: Vec<usize> = (0..12).collect();
        assert_eq!(tokens.taken(&rows, 2), [0, 1, 8, 9, 10, 11]);
        let all = Tokens { taken: 6, masked: false, ..tokens };
        assert_eq!((all.mask(), all.attended()), (vec![1, 1, 1, 1, 1, 0], vec![1; 6]));
        assert_eq!(all.taken(&rows, 2), rows);
    }

    #[test]
    fn instructions_end_where_the_prompt_begins() {
        assert!(INSTRUCTIONS.ends_with("\nUser Prompt: "));
        assert_eq!(INSTRUCTIONS.lines().count(), 8);
    }
}
