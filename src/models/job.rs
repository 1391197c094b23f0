//! One image to make.

use super::guidance::ClassAnchors;
use super::text::PromptEmbedding;

/// One image to make.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The prompt.
    pub prompt: &'a PromptEmbedding,
    /// The negative prompt.
    pub negative: &'a PromptEmbedding,
    /// Standard Gaussian noise of the latent's shape; for a refiner, the base's latent.
    pub noise: &'a [f32],
    /// The latent that guidance pulls to; a pooled one where the terms in use can do with it.
    pub anchor: Option<&'a [f32]>,
    /// The image's seed, for what terms draw beside the noise.
    pub seed: u64,
    /// The anchors of the image's class, for terms that look at a whole class: images of one class that are denoised
    /// together depend on each other then.
    pub class: Option<&'a ClassAnchors>,
}

impl<'a> Job<'a> {
    /// An image by itself, without an anchor.
    pub fn new(
        prompt: &'a PromptEmbedding,
        negative: &'a PromptEmbedding,
        noise: &'a [f32],
    ) -> Self {
        Self { prompt, negative, noise, anchor: None, seed: 0, class: None }
    }
}
