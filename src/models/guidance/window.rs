//! When a term acts: the keys that terms have in common, and what they say of a step.

use super::plan::GuidancePlan;
use super::settings::{TermKey, TermKind, TermValue};
use super::step::GuidanceStep;

/// Side of a latent in cells on which thresholds of σ mean what they say.
const SIGMA_SIDE: f32 = 8.0;

/// What rounding may add to a whole number of steps: 0.28 × 25 is 7.000000000000001.
const ROUNDING: f64 = 1e-9;

/// The first step.
pub(super) const FROM: TermKey = TermKey {
    name: "from",
    kind: TermKind::Number { least: 0.0, most: 1.0 },
    default: TermValue::Number(0.0),
    off: None,
    doc: "The term acts from this share of the steps on.\n",
};

/// The end of the steps.
pub(super) const TO: TermKey = TermKey {
    name: "to",
    kind: TermKind::Number { least: 0.0, most: 1.0 },
    default: TermValue::Number(1.0),
    off: None,
    doc: "The term acts before this share of the steps: with 1 to the last one.\n",
};

/// The noise level to stop at.
pub(super) const STOP: TermKey = TermKey {
    name: "stop",
    kind: TermKind::Number { least: 0.0, most: 1000.0 },
    default: TermValue::Number(0.0),
    off: None,
    doc: "The term acts while σ is above this number × side/8, side being the latent's in cells: the same number hides as\n\
          much of an image at any size. Later steps are left to the model. With 0 the term acts to the end.\n",
};

/// The share of the way.
pub(super) const STRENGTH: TermKey = TermKey {
    name: "strength",
    kind: TermKind::Number { least: 0.0, most: 1.0 },
    default: TermValue::Number(1.0),
    off: Some(TermValue::Number(0.0)),
    doc: "κ, the share of the way that the clean-latent estimate moves at a step: 0 is off, 1 all of it.\n",
};

/// σ that hides on a latent of `side` cells what 1 hides on one of 8.
pub(super) fn sigma_unit(side: usize) -> f32 {
    side.max(1) as f32 / SIGMA_SIDE
}

/// Whether step `index` of the run is within what the keys `from` and `to` of `term` say.
pub(super) fn within(
    plan: &GuidancePlan,
    term: &str,
    (from, to): (&TermKey, &TermKey),
    index: usize,
) -> bool {
    let at = |key: &TermKey| plan.settings.terms.number(term, key) * plan.steps as f64 - ROUNDING;
    (index as f64) >= at(from) && (index as f64) < at(to)
}

/// κ of a step by the key `strength` of `term`, [`FROM`], [`TO`] and, where the term has one, a key for the noise to stop
/// at; `None` where it doesn't act.
pub(super) fn strength(
    plan: &GuidancePlan,
    term: &str,
    (strength, stop): (&TermKey, Option<&TermKey>),
    step: &GuidanceStep<'_>,
) -> Option<f64> {
    let terms = &plan.settings.terms;
    let stop = stop.map_or(0.0, |key| terms.number(term, key)) as f32 * sigma_unit(plan.side);
    let acts = within(plan, term, (&FROM, &TO), step.index) && step.sigma() > stop;
    let strength = terms.number(term, strength);
    (acts && strength > 0.0).then_some(strength)
}
