//! The start from the noised anchor (SDEdit; Meng et al., arXiv 2108.01073): the anchor mixed with noise at the first step
//! with at most a threshold of noise over signal. The steps before are not run.

use super::settings::{TermKey, TermKind, TermSettings, TermValue};
use super::{Edits, GuidancePlan, GuidanceTerm, window};
use crate::models::noise_schedule::{NoiseLevel, NoiseSchedule};

/// The term.
pub(super) struct Start;

const NAME: &str = "start";

const SIGMA: TermKey = TermKey {
    name: "sigma",
    kind: TermKind::Number { least: 0.0, most: 1000.0 },
    default: TermValue::Number(0.34),
    off: Some(TermValue::Number(0.0)),
    doc: "The noise that the anchor is given, × side/8, side being the latent's in cells: sampling begins at the first step\n\
          with no more of it, and the steps before are neither run nor counted. 0 is off.\n",
};

impl GuidanceTerm for Start {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Starts from the noised anchor in place of noise and leaves out the steps before (SDEdit): the image keeps the\n\
         anchor's layout, and fewer steps are run. Every image needs an anchor."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[SIGMA]
    }

    fn takes_pooled(&self, _: &TermSettings, _: [usize; 3], _: usize) -> Option<bool> {
        Some(false)
    }

    fn leaves_out_work(&self) -> bool {
        true
    }

    fn edits(&self) -> Edits {
        Edits::Nothing
    }

    fn first_step(&self, plan: &GuidancePlan, levels: &NoiseSchedule) -> Option<usize> {
        let most = plan.settings.terms.number(NAME, &SIGMA) as f32 * window::sigma_unit(plan.side);
        let last = plan.steps.min(levels.len()).saturating_sub(1);
        Some((0..last).find(|&step| levels.ratio(step) <= most).unwrap_or(last))
    }
}

/// The denoiser's input of an anchor under noise of a level.
pub(super) fn noised(anchor: &[f32], noise: &[f32], level: NoiseLevel) -> Vec<f32> {
    anchor.iter().zip(noise).map(|(&s, &n)| level.noised(s, n)).collect()
}
