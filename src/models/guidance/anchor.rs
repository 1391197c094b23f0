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
    kind: TermKind::Choice(&["flat", "sigma", "partial"]),
    default: TermValue::Choice("flat"),
    off: None,
    doc: "How κ follows the noise: `\"flat\"` the same at all steps, `\"sigma\"` κ · min(1, σ/(side/8)), which lets go as\n\
          detail forms; `\"partial\"` as `\"flat\"`, but a step that goes past `stop` is pulled by the share of it that lies\n\
          before: for few steps, each of which covers much of the noise.\n",
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
        let unit = window::sigma_unit(plan.side);
        let share = match plan.settings.terms.choice(NAME, &SHAPE) {
            "sigma" => f64::from(step.sigma() / unit).min(1.0),
            "partial" => {
                let stop = plan.settings.terms.number(NAME, &OWN_STOP) * f64::from(unit);
                share_before(stop, f64::from(step.sigma()), f64::from(step.next_sigma()))
            }
            _ => 1.0,
        };
        let strength = flat * share;
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

/// The share of a step from σ to `next` that is to be pulled when the pull ends at `stop` within it.
///
/// A step that were cut at `stop` would go to the anchor first, z ← s + (stop/σ)(z − s), and then to the model's own estimate,
/// z ← ẑ0 + (next/stop)(z − ẑ0). One step of Euler to ẑ0 + κ(s − ẑ0) ends at the same place with κ as here: the share of the
/// step above `stop`, by 1/σ.
fn share_before(stop: f64, sigma: f64, next: f64) -> f64 {
    if stop <= next {
        return 1.0;
    }
    if stop >= sigma || next <= 0.0 {
        return 0.0;
    }
    (1.0 / stop - 1.0 / sigma) / (1.0 / next - 1.0 / sigma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_pull_ends_where_two_steps_cut_at_the_stop_end() {
        let (anchor, own, start) = (0.8f64, -0.4, 3.0);
        for (sigma, stop, next) in
            [(14.6, 5.44, 4.08), (4.08, 2.0, 1.61), (f64::INFINITY, 3.0, 1.0)]
        {
            // Samples on the scale z0 + σ·ε; a step from infinite noise ends as one from very much.
            let from = if sigma.is_infinite() { 1e9 } else { sigma };
            let towards =
                |z: f64, clean: f64, now: f64, next: f64| clean + next / now * (z - clean);
            let cut = towards(towards(start, anchor, from, stop), own, stop, next);
            let share = share_before(stop, sigma, next);
            let whole = towards(start, own + share * (anchor - own), from, next);
            assert!((cut - whole).abs() < 1e-6, "{sigma} {stop} {next}: {cut} {whole}");
        }
        assert_eq!(share_before(1.0, 4.0, 2.0), 1.0);
        assert_eq!(share_before(0.34, 0.69, 0.0), 0.0);
        assert_eq!(share_before(0.0, 0.69, 0.0), 1.0);
        assert_eq!(share_before(5.0, 4.0, 2.0), 0.0);
    }
}
