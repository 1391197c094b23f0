//! One step of a batch, as terms see it.

use super::class_anchors::ClassAnchors;
use crate::models::noise_schedule::{NoiseLevel, NoiseSchedule};

/// One step of a batch.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) struct GuidanceStep<'a> {
    /// The step's number in its noise schedule.
    pub index: usize,
    /// The noise levels of the run.
    pub levels: &'a NoiseSchedule,
    /// The denoiser's input z_t, one sample after another.
    pub input: &'a [f32],
    /// What is known of each sample's image.
    pub images: &'a [GuidedImage<'a>],
}

/// What terms know of an image.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::models) struct GuidedImage<'a> {
    /// Its anchor, or `None` to leave it where it is.
    pub anchor: Option<&'a [f32]>,
    /// The anchors of its class, if they are known.
    pub class: Option<&'a ClassAnchors>,
    /// True for a copy that fills up a batch: it counts for no other image.
    pub padding: bool,
}

/// The images of a batch that belong to one class.
pub(super) struct ClassGroup<'a> {
    /// The anchors of the class.
    pub class: &'a ClassAnchors,
    /// The images' positions in the batch, without padding.
    pub members: Vec<usize>,
}

impl<'a> GuidanceStep<'a> {
    /// Values of one sample of the batch, at least 1.
    pub fn sample_length(&self) -> usize {
        (self.input.len() / self.images.len().max(1)).max(1)
    }

    /// Noise over signal of the step: σ of a variance-exploding model, infinite where there is noise alone.
    pub fn sigma(&self) -> f32 {
        self.levels.ratio(self.index)
    }

    /// The same after the step; 0 after the last one.
    pub fn next_sigma(&self) -> f32 {
        let next = self.index + 1;
        if next < self.levels.len() { self.levels.ratio(next) } else { 0.0 }
    }

    /// The step's noise level as the solver has it, by σ.
    pub fn level(&self) -> NoiseLevel {
        self.levels.levels[self.index]
    }

    /// The same level as the published program has it, by ᾱ of the step's timestep rounded to a whole one.
    pub fn published_level(&self) -> NoiseLevel {
        self.levels.published_levels[self.index]
    }

    /// The batch's images class by class, in order; images whose class is not known are in none.
    pub(super) fn class_groups(&self) -> Vec<ClassGroup<'a>> {
        let mut groups: Vec<ClassGroup<'a>> = Vec::new();
        for (at, image) in self.images.iter().enumerate().filter(|(_, image)| !image.padding) {
            let Some(class) = image.class else { continue };
            match groups.iter_mut().find(|group| group.class.number == class.number) {
                Some(group) => group.members.push(at),
                None => groups.push(ClassGroup { class, members: vec![at] }),
            }
        }
        groups
    }
}
