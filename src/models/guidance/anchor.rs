//! The pull towards the anchor: ẑ0 += κ_i·(s − ẑ0).
//!
//! Unlike the published pull it moves the guided ẑ0, so that κ is the share of the way whatever the classifier-free scale.

use super::settings::{TermKey, TermKind, TermSettings, TermValue};
use super::window::{self, FROM, STOP, STRENGTH, TO};
use super::{GuidancePlan, GuidanceStep, GuidanceTerm};

/// The term.
pub(super) struct Anchor;

pub(super) const NAME: &str = "anchor";

const SHAPE: TermKey = TermKey {
    name: "shape",
    kind: TermKind::Choice(&["flat", "sigma"]),
    default: TermValue::Choice("flat"),
    off: None,
    doc: "How κ follows the noise: `\"flat\"` the same at all steps, `\"sigma\"` κ · min(1, σ/(side/8)), which lets go as\n\
          detail forms.\n",
};

/// Past it the model draws: a mean of latents has no detail to pull to.
const OWN_STOP: TermKey = TermKey { default: TermValue::Number(0.34), ..STOP };

impl GuidanceTerm for Anchor {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Pulls the clean-latent estimate towards the anchor: ẑ0 += κ·(s − ẑ0), apart from the classifier-free scale."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[STRENGTH, SHAPE, FROM, TO, OWN_STOP]
    }

    fn takes_pooled(&self, _: &TermSettings, _: [usize; 3], _: usize) -> Option<bool> {
        Some(false)
    }

    fn edit(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(flat) = window::strength(plan, NAME, (&STRENGTH, Some(&OWN_STOP)), step) else {
            return;
        };
        let by_sigma = plan.settings.terms.choice(NAME, &SHAPE) == "sigma";
        let share = f64::from(step.sigma() / window::sigma_unit(plan.side)).min(1.0);
        let strength = if by_sigma { flat * share } else { flat };
        let samples = clean.chunks_mut(step.sample_length()).zip(step.images);
        for (clean, image) in samples {
            let Some(anchor) = image.anchor else { continue };
            for (value, &aim) in clean.iter_mut().zip(anchor) {
                let own = f64::from(*value);
                *value = (own + strength * (f64::from(aim) - own)) as f32;
            }
        }
    }
}
