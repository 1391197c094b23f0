//! The published pull: CoDA's correction, which pulls a sample towards its anchor.
//!
//! With ẑ0 the clean latent that the conditional prediction implies and s the anchor, the
//! published program computes, from ε-prediction,
//!
//! ```text
//! ẑ0  = (z_t − sqrt(1−ᾱ_t)·ε_c) / sqrt(ᾱ_t)
//! ε_c ← ε_c − (sqrt(ᾱ_t)/sqrt(1−ᾱ_t)) · γ·σ_i·(s − ẑ0)
//! ε   = ε_u + w·(ε_c − ε_u)
//! ```
//!
//! which moves ẑ0 by γ·σ_i·(s − ẑ0). The paper's text has the same without σ_i. The last line is the next term,
//! classifier-free guidance, outside a guidance interval w is 1.
//!
//! A rectified flow has noise over signal in σ_i's place. That is infinite at its first step, so that the pull there goes to
//! the anchor and never past it.

use serde::{Deserialize, Serialize};

use super::settings::{GuidanceSettings, TermKey, TermKind, TermSettings, TermValue};
use super::{Edits, GuidancePlan, GuidanceStep, GuidanceTerm, SettingFault};
use crate::models::noise_schedule::{NoiseLevel, NoiseSchedule};

/// The term.
pub(super) struct Published;

/// The name of the published pull among the terms.
pub const NAME: &str = "published";

const SCHEDULE: TermKey = TermKey {
    name: "schedule",
    kind: TermKind::Choice(&["sigma", "flat", "scaled", "off"]),
    default: TermValue::Choice("scaled"),
    off: Some(TermValue::Choice("off")),
    doc: "How γ is weighted over the steps: `\"sigma\"` as the published program computes it, `\"flat\"` as the paper's\n\
          text has it, `\"scaled\"` as `\"sigma\"` with two changes: γ means what it means on SDXL's latents at 1,024 pixels\n\
          also on smaller ones (which show less of what noise hides), and an image is never pulled past its core; `\"off\"`\n\
          leaves the term out.\n",
};

/// How the pull on the clean latent depends on the noise level: `guidance.published.schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuidanceSchedule {
    /// γ·σ_i, strong while there is much noise; the published program.
    #[default]
    Sigma,
    /// γ throughout; the paper's text.
    Flat,
    /// As `Sigma` on latents of `REFERENCE_SIDE`, the like on others, and never past the anchor:
    /// the guided ẑ0 moves by w·γ·σ_i·(`REFERENCE_SIDE`/side) of its way, at most by all of it.
    ///
    /// The mean over k × k cells has a k-th of their noise: the detail that σ hides on 128 cells a
    /// side, σ·8/128 hides on 8, so that the same pull on the same detail takes 16 times the γ.
    Scaled,
}

/// Side of the latents that the published γ is for, in cells: SDXL's at 1,024 pixels.
const REFERENCE_SIDE: usize = 128;

impl GuidanceSchedule {
    /// The schedule that `terms` say; `Scaled` where the term is off.
    pub fn of(terms: &TermSettings) -> Self {
        match terms.choice(NAME, &SCHEDULE) {
            "sigma" => Self::Sigma,
            "flat" => Self::Flat,
            _ => Self::Scaled,
        }
    }

    /// The name in a pipeline file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigma => "sigma",
            Self::Flat => "flat",
            Self::Scaled => "scaled",
        }
    }
}

impl From<GuidanceSchedule> for TermSettings {
    fn from(schedule: GuidanceSchedule) -> Self {
        let mut settings = Self::default();
        settings.set(NAME, &SCHEDULE, TermValue::Choice(schedule.name()));
        settings
    }
}

impl GuidanceTerm for Published {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "The published program's pull towards the anchor: it edits the conditional prediction, so that the classifier-free\n\
         scale multiplies it. Its strength and share of the steps are `gamma` and `guidance_fraction` of [generate]."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[SCHEDULE]
    }

    fn check(&self, settings: &GuidanceSettings) -> Result<(), SettingFault> {
        if !settings.gamma.is_finite() {
            return Err(("gamma", format!("{} is not finite", settings.gamma)));
        }
        if !(0.0..=1.0).contains(&settings.fraction) {
            return Err(("guidance_fraction", format!("{} is not in 0..=1", settings.fraction)));
        }
        Ok(())
    }

    fn takes_pooled(&self, _: &TermSettings, _: [usize; 3], _: usize) -> Option<bool> {
        Some(false)
    }

    fn edits(&self) -> Edits {
        Edits::Conditional
    }

    fn edit_conditional(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(strength) = strength(plan, step.levels, step.index) else { return };
        let levels = (step.level(), step.published_level());
        let size = step.sample_length();
        let samples = clean.chunks_mut(size).zip(step.input.chunks(size));
        for ((clean, input), image) in samples.zip(step.images) {
            if let Some(anchor) = image.anchor {
                align(clean, input, anchor, levels, strength);
            }
        }
    }
}

/// Share of the way to the anchor that ẑ0 is moved at `step`; `None` where the correction is over.
///
/// A step is corrected while its timestep is above that of step min(int(N·fraction), N−1), so never the last step.
fn strength(plan: &GuidancePlan, levels: &NoiseSchedule, step: usize) -> Option<f32> {
    let GuidanceSettings { gamma, fraction, .. } = plan.settings;
    let cfg = plan.settings.cfg_at(step);
    let end = ((plan.steps as f64 * fraction) as usize).min(plan.steps.saturating_sub(1));
    let (now, last) = (levels.timesteps.get(step)?, levels.timesteps.get(end)?);
    if gamma == 0.0 || now <= last {
        return None;
    }
    let by_sigma = gamma * levels.ratio(step);
    let to_the_anchor = 1.0 / cfg.max(1.0);
    Some(match GuidanceSchedule::of(&plan.settings.terms) {
        GuidanceSchedule::Sigma if levels.flow => by_sigma.min(to_the_anchor),
        GuidanceSchedule::Sigma => by_sigma,
        GuidanceSchedule::Scaled => {
            let scale = REFERENCE_SIDE as f32 / plan.side.max(1) as f32;
            (by_sigma * scale).min(to_the_anchor)
        }
        GuidanceSchedule::Flat => gamma,
    })
}

/// Moves the conditional ẑ0 by `strength` of its way to the anchor. `input` is the denoiser's (scaled) input z_t; all slices
/// are one sample's. Where ẑ0 is and what the pull does to the prediction is reckoned at the second of the levels, as
/// published; the solver's, by which ẑ0 is given, is the first.
fn align(
    clean: &mut [f32],
    input: &[f32],
    anchor: &[f32],
    (level, published): (NoiseLevel, NoiseLevel),
    strength: f32,
) {
    let change = strength * level.change_against(&published);
    for ((clean, &z), &s) in clean.iter_mut().zip(input).zip(anchor) {
        let found = published.clean(z, level.output(z, *clean));
        *clean += change * (s - found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::noise_schedule::{Diffusion, Method, PredictionType, SchedulerConfig};

    fn published() -> GuidancePlan {
        let terms = GuidanceSchedule::Sigma.into();
        GuidancePlan {
            settings: GuidanceSettings {
                cfg_by_step: Vec::new(),
                cfg: 5.0,
                rescale: 0.0,
                gamma: 0.05,
                fraction: 0.9,
                terms,
            },
            side: 128,
            steps: 25,
        }
    }

    fn schedule(steps: usize) -> NoiseSchedule {
        SchedulerConfig::default().schedule(Method::default(), steps)
    }

    fn corrected(gamma: f32, fraction: f64, steps: usize) -> usize {
        let mut plan = GuidancePlan { steps, ..published() };
        (plan.settings.gamma, plan.settings.fraction) = (gamma, fraction);
        let levels = schedule(steps);
        (0..steps).filter(|&i| strength(&plan, &levels, i).is_some()).count()
    }

    #[test]
    fn the_fraction_cuts_off_the_end_and_always_the_last_step() {
        assert_eq!(corrected(0.05, 0.9, 25), 22);
        assert_eq!(corrected(0.05, 1.0, 25), 24);
        assert_eq!(corrected(0.05, 0.5, 50), 25);
        assert_eq!(corrected(0.05, 0.0, 25), 0);
        assert_eq!(corrected(0.05, 1.0, 1), 0);
        assert_eq!(corrected(0.0, 1.0, 25), 0);
    }

    /// The predictions after a pull on the clean latents that they imply.
    fn pulled<const N: usize>(
        outputs: [f32; N],
        input: &[f32],
        anchor: &[f32],
        levels: (NoiseLevel, NoiseLevel),
        strength: f32,
    ) -> [f32; N] {
        let mut clean: [f32; N] = std::array::from_fn(|i| levels.0.clean(input[i], outputs[i]));
        align(&mut clean, input, anchor, levels, strength);
        std::array::from_fn(|i| levels.0.output(input[i], clean[i]))
    }

    #[test]
    fn the_sigma_pull_equals_the_published_formula() {
        let levels = schedule(25);
        let (input, anchor) = ([0.8f32, -1.1, 2.0], [0.3f32, 0.9, -0.4]);
        for step in [0, 10, 21] {
            let (level, published_level) = (levels.levels[step], levels.published_levels[step]);
            let alpha_bar = published_level.signal.powi(2);
            let sigma = f64::from(levels.sigmas[step]);
            let before = [0.5f32, -0.2, 1.4];
            let strength = strength(&published(), &levels, step).unwrap();
            let found = pulled(before, &input, &anchor, (level, published_level), strength);
            for i in 0..3 {
                let eps = f64::from(before[i]);
                let clean =
                    (f64::from(input[i]) - (1.0 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt();
                let score = (f64::from(anchor[i]) - clean) * 0.05 * sigma;
                let expected = eps - alpha_bar.sqrt() / (1.0 - alpha_bar).sqrt() * score;
                assert!((f64::from(found[i]) - expected).abs() < 1e-5 * expected.abs().max(1.0));
            }
        }
    }

    #[test]
    fn the_scaled_pull_is_the_published_one_at_its_size_and_stops_at_the_anchor() {
        let levels = schedule(25);
        let strengths = |schedule: GuidanceSchedule, side| -> Vec<f32> {
            let mut plan = GuidancePlan { side, ..published() };
            (plan.settings.fraction, plan.settings.terms) = (1.0, schedule.into());
            (0..24).filter_map(|step| strength(&plan, &levels, step)).collect()
        };
        let published = strengths(GuidanceSchedule::Sigma, 128);
        assert!(published[0] * 5.0 > 3.0, "published, it goes far past the anchor");
        for (side, times) in [(128, 1.0), (64, 2.0), (8, 16.0)] {
            for (scaled, sigma) in strengths(GuidanceSchedule::Scaled, side).iter().zip(&published)
            {
                assert_eq!(*scaled, (sigma * times).min(0.2), "side {side}");
            }
        }
    }

    #[test]
    fn full_strength_lands_on_the_anchor_for_both_predictions() {
        let (alpha_bar, input, anchor) = (0.36f32, [0.8f32, -1.1], [0.3f32, 0.9]);
        let (signal, noise) = (0.6f32, 0.8f32);
        for prediction_type in
            [PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample]
        {
            let level = Diffusion(prediction_type).of_alpha_bar(alpha_bar);
            let output = pulled([0.5f32, -0.7], &input, &anchor, (level, level), 1.0);
            for i in 0..2 {
                let clean = match prediction_type {
                    PredictionType::Epsilon => (input[i] - noise * output[i]) / signal,
                    PredictionType::VPrediction => signal * input[i] - noise * output[i],
                    _ => output[i],
                };
                assert!((clean - anchor[i]).abs() < 1e-5, "{prediction_type:?}: {clean}");
            }
        }
    }

    #[test]
    fn the_key_names_every_schedule() {
        let all = [GuidanceSchedule::Sigma, GuidanceSchedule::Flat, GuidanceSchedule::Scaled];
        assert_eq!(SCHEDULE.kind, TermKind::Choice(&["sigma", "flat", "scaled", "off"]));
        for schedule in all {
            assert!(SCHEDULE.kind.choice(schedule.name()).is_some());
            assert_eq!(GuidanceSchedule::of(&schedule.into()), schedule);
        }
        assert_eq!(GuidanceSchedule::of(&TermSettings::default()), GuidanceSchedule::Scaled);
    }
}
