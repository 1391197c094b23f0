//! Guidance: what changes a denoiser's prediction before the solver takes its step.
//!
//! A term of guidance is one file: it implements `GuidanceTerm`, declares the keys of `[guidance]` that it reads, and
//! stands in `TERMS`. Settings, documentation and the record of an image take the keys from there.

mod anchor_pull;
mod classifier_free;
mod estimate;
mod settings;

use super::denoiser::Prediction;
use super::noise_schedule::{NoiseSchedule, PredictionType};
use estimate::CleanEstimate;

pub use anchor_pull::GuidanceSchedule;
pub(super) use settings::GuidanceSettings;
pub use settings::{TermKey, TermKind, TermSettings, TermValue, term_keys};

/// All terms, in the order in which they edit a prediction.
static TERMS: [&dyn GuidanceTerm; 2] = [&anchor_pull::AnchorPull, &classifier_free::ClassifierFree];

/// A setting at fault, and why.
pub(super) type SettingFault = (&'static str, String);

/// A term of guidance: an edit of each step's prediction.
trait GuidanceTerm: Sync {
    /// The keys of `[guidance]` that the term reads.
    fn keys(&self) -> &'static [TermKey] {
        &[]
    }

    /// Whether `settings` ask for the term. The keys of a term that is not in use are recorded nowhere.
    fn is_used(&self, _settings: &TermSettings) -> bool {
        true
    }

    /// Refuses settings that the term can't follow.
    fn check(&self, _settings: &GuidanceSettings) -> Result<(), SettingFault> {
        Ok(())
    }

    /// Edits the prediction of a batch at one step.
    fn apply(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, prediction: &mut Prediction);
}

/// The guidance of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GuidancePlan {
    /// Its settings.
    pub settings: GuidanceSettings,
    /// What the denoiser predicts.
    pub prediction_type: PredictionType,
    /// Side of the latents in cells.
    pub side: usize,
    /// Number of steps that fractions of the run refer to: those of the base model when a refiner takes the rest.
    pub steps: usize,
}

/// One step of a batch, as terms see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuidanceStep<'a> {
    /// The step's number in its noise schedule.
    pub index: usize,
    /// The noise levels of the run.
    pub levels: &'a NoiseSchedule,
    /// The denoiser's input z_t, one sample after another.
    pub input: &'a [f32],
    /// Each sample's anchor, or `None` to leave it where it is. Anchors are as long as samples.
    pub anchors: &'a [Option<&'a [f32]>],
}

impl GuidancePlan {
    /// Edits the prediction of a batch at one step: every term in its turn.
    pub(super) fn apply(&self, step: &GuidanceStep<'_>, prediction: &mut Prediction) {
        let used = TERMS.iter().filter(|term| term.is_used(&self.settings.terms));
        used.for_each(|term| term.apply(self, step, prediction));
    }
}

impl GuidanceStep<'_> {
    /// Values of one sample of the batch, at least 1.
    pub fn sample_length(&self) -> usize {
        (self.input.len() / self.anchors.len().max(1)).max(1)
    }

    /// The relation of predictions and clean latents at this step.
    pub fn estimate(&self, plan: &GuidancePlan) -> CleanEstimate {
        CleanEstimate::at(self.levels.alpha_bars[self.index], plan.prediction_type)
    }
}

impl GuidanceSettings {
    /// Refuses settings that a term can't follow.
    ///
    /// # Errors
    /// The setting's name and why.
    pub(super) fn check(&self) -> Result<(), SettingFault> {
        TERMS.iter().try_for_each(|term| term.check(self))
    }
}
