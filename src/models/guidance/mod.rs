//! Guidance: what changes a denoiser's prediction before the solver takes its step.
//!
//! A term of guidance is one file: it implements `GuidanceTerm`, declares its keys of `[guidance.TERM]`, and stands in
//! `TERMS`. Settings, documentation, `sample` and the record of an image take terms and keys from there.
//!
//! Terms that edit an image act on ẑ0, the clean latent that the denoiser's output implies, after classifier-free guidance;
//! the solver takes ẑ0 from there. The published pull alone edits the conditional ẑ0 before: see `published`.

mod anchor;
mod class_anchors;
mod class_mean;
mod classifier_free;
mod distribution;
#[cfg(test)]
mod golden_tests;
mod interval;
mod low_frequency;
mod plan;
mod presets;
mod prompt_noise;
#[cfg(test)]
mod property_tests;
mod published;
mod record;
mod repulsion;
mod settings;
mod start;
mod step;
mod steps;
mod vectors;
mod window;

use super::noise_schedule::NoiseSchedule;
use super::text::PromptEmbedding;

pub use class_anchors::ClassAnchors;
pub(super) use classifier_free::scales;
pub use interval::{NAME as INTERVAL, interval};
pub(super) use plan::GuidancePlan;
pub use presets::{DEFAULT_GUIDANCE, PRESETS, Preset, SCALED, preset};
pub use published::{GuidanceSchedule, NAME as PUBLISHED};
pub use record::StepRecord;
pub(super) use settings::GuidanceSettings;
pub use settings::{TermDoc, TermKey, TermKind, TermSettings, TermValue, terms};
pub(super) use step::{GuidanceStep, GuidedImage};
pub(super) use steps::Phase;

/// All terms, in the order in which they act.
static TERMS: [&dyn GuidanceTerm; 9] = [
    &start::Start,
    &prompt_noise::PromptNoise,
    &interval::Interval,
    &published::Published,
    &anchor::Anchor,
    &low_frequency::LowFrequency,
    &distribution::Distribution,
    &repulsion::Repulsion,
    &class_mean::ClassMean,
];

/// What of a step a term edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edits {
    /// The conditional ẑ0, before classifier-free guidance.
    Conditional,
    /// ẑ0, after classifier-free guidance.
    Clean,
    /// Neither: the term is about what the denoiser is given.
    Nothing,
}

/// A setting at fault, and why.
pub(super) type SettingFault = (&'static str, String);

/// A term of guidance. A term implements those of the hooks below that it is about; most implement `edit` alone.
trait GuidanceTerm: Sync {
    /// Its name, as `[[guidance]]` and `[guidance.NAME]` have it.
    fn name(&self) -> &'static str;

    /// What it does, for the reference of settings.
    fn about(&self) -> &'static str;

    /// Its keys. A term is in use if one of the keys with an `off` value has another one.
    fn keys(&self) -> &'static [TermKey];

    /// Refuses settings that the term can't follow.
    fn check(&self, _settings: &GuidanceSettings) -> Result<(), SettingFault> {
        Ok(())
    }

    /// Whether images of a class depend on each other, so that they must be denoised in fixed groups of the class.
    fn couples(&self) -> bool {
        false
    }

    /// Whether steps or rows of the denoiser are left out.
    fn leaves_out_work(&self) -> bool {
        false
    }

    /// Whether an anchor of `length` values, which are no whole latent of `shape`, serves; `None` for a term without use
    /// for anchors.
    fn takes_pooled(
        &self,
        _settings: &TermSettings,
        _shape: [usize; 3],
        _length: usize,
    ) -> Option<bool> {
        None
    }

    /// The step to start at, from the noised anchor; `None` to start from noise.
    fn first_step(&self, _plan: &GuidancePlan, _levels: &NoiseSchedule) -> Option<usize> {
        None
    }

    /// Whether a step has classifier-free guidance; without it, the unconditional rows are not computed.
    fn is_guided(&self, _plan: &GuidancePlan, _step: usize) -> bool {
        true
    }

    /// Whether a step has prompts of its own.
    fn changes_prompts(&self, _plan: &GuidancePlan, _levels: &NoiseSchedule, _step: usize) -> bool {
        false
    }

    /// The prompt of a step that has its own, for the image of this `seed`.
    fn edit_prompt(
        &self,
        _plan: &GuidancePlan,
        _at: (&NoiseSchedule, usize),
        _seed: u64,
        _prompt: &mut PromptEmbedding,
    ) {
    }

    /// Edits a batch's conditional ẑ0 before classifier-free guidance.
    fn edit_conditional(&self, _plan: &GuidancePlan, _step: &GuidanceStep<'_>, _clean: &mut [f32]) {
    }

    /// What of a step the term edits.
    fn edits(&self) -> Edits {
        Edits::Clean
    }

    /// Edits a batch's guided ẑ0.
    fn edit(&self, _plan: &GuidancePlan, _step: &GuidanceStep<'_>, _clean: &mut [f32]) {}
}
