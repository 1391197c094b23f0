//! The guidance of a run.

use super::settings::GuidanceSettings;

/// The guidance of a run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::models) struct GuidancePlan {
    /// Its settings.
    pub settings: GuidanceSettings,
    /// Side of the latents in cells.
    pub side: usize,
    /// Number of steps that fractions of the run refer to: those of the base model when a refiner takes the rest.
    pub steps: usize,
}
