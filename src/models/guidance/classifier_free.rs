//! Classifier-free guidance (Ho & Salimans, arXiv 2207.12598): away from the prediction without the prompt.

use super::settings::GuidanceSettings;
use super::{GuidancePlan, GuidanceStep, SettingFault};
use crate::models::clean::CleanEstimates;
use crate::models::denoiser::Prediction;
use crate::models::noise_schedule::NoiseLevel;

/// Refuses a scale or rescale that can't be followed.
pub(super) fn check(settings: &GuidanceSettings) -> Result<(), SettingFault> {
    if !settings.cfg.is_finite() {
        return Err(("cfg", format!("{} is not finite", settings.cfg)));
    }
    if let Some(scale) = settings.cfg_by_step.iter().find(|scale| !scale.is_finite()) {
        return Err(("cfg_schedule", format!("{scale} is not finite")));
    }
    if !(0.0..=1.0).contains(&settings.rescale) {
        return Err(("guidance_rescale", format!("{} is not in 0..=1", settings.rescale)));
    }
    Ok(())
}

/// `values` spread evenly over `steps` steps, changing linearly between them; as many values as steps are one a step.
/// Empty without values.
pub(in crate::models) fn scales(values: &[f32], steps: usize) -> Vec<f32> {
    let Some(last) = values.len().checked_sub(1) else { return Vec::new() };
    let end = steps.saturating_sub(1).max(1);
    let at = |step: usize| {
        // Whole numbers, so that a step that meets a value has exactly this value.
        let (whole, part) = (step * last / end, step * last % end);
        let (from, to) = (values[whole.min(last)], values[(whole + 1).min(last)]);
        if part == 0 { from } else { from + (to - from) * (part as f32 / end as f32) }
    };
    (0..steps).map(at).collect()
}

impl GuidanceSettings {
    /// w of a step.
    pub(in crate::models) fn cfg_at(&self, step: usize) -> f32 {
        self.cfg_by_step.get(step).copied().unwrap_or(self.cfg)
    }
}

/// Joins both halves of a batch's estimates. Terms before it edit the conditional half, those after it what this gives.
///
/// ẑ0 is a straight function of the prediction, so that guiding one guides the other.
pub(super) fn join(
    plan: &GuidancePlan,
    step: &GuidanceStep<'_>,
    estimates: CleanEstimates,
) -> Vec<f32> {
    let CleanEstimates { mut conditional, unconditional } = estimates;
    let Some(unconditional) = unconditional else { return conditional };
    let kept = if plan.settings.rescale > 0.0 { conditional.clone() } else { Vec::new() };
    combine(&mut conditional, &unconditional, plan.settings.cfg_at(step.index));
    let (size, level) = (step.sample_length(), step.level());
    let samples = conditional.chunks_mut(size).zip(kept.chunks(size)).zip(step.input.chunks(size));
    for ((guided, kept), input) in samples {
        rescale_clean(guided, kept, (input, level), plan.settings.rescale);
    }
    conditional
}

/// The same of a batch's predictions.
pub(super) fn join_outputs(
    plan: &GuidancePlan,
    step: &GuidanceStep<'_>,
    prediction: Prediction,
) -> Vec<f32> {
    let Prediction { mut conditional, unconditional } = prediction;
    let Some(unconditional) = unconditional else { return conditional };
    let kept = if plan.settings.rescale > 0.0 { conditional.clone() } else { Vec::new() };
    combine(&mut conditional, &unconditional, plan.settings.cfg_at(step.index));
    let size = step.sample_length();
    for (guided, kept) in conditional.chunks_mut(size).zip(kept.chunks(size)) {
        rescale(guided, kept, plan.settings.rescale);
    }
    conditional
}

/// Rescales the prediction behind a sample's guided ẑ0: the published formula is one of predictions.
fn rescale_clean(
    guided: &mut [f32],
    conditional: &[f32],
    (input, level): (&[f32], NoiseLevel),
    amount: f32,
) {
    let output = |clean: &[f32]| -> Vec<f32> {
        input.iter().zip(clean).map(|(&z, &clean)| level.output(z, clean)).collect()
    };
    let mut outputs = output(guided);
    rescale(&mut outputs, &output(conditional), amount);
    for ((clean, &z), output) in guided.iter_mut().zip(input).zip(outputs) {
        *clean = level.clean(z, output);
    }
}

/// Classifier-free guidance: u + w·(c − u), written over the conditional half.
fn combine(conditional: &mut [f32], unconditional: &[f32], scale: f32) {
    for (c, &u) in conditional.iter_mut().zip(unconditional) {
        *c = u + scale * (*c - u);
    }
}

/// Guidance rescale (Lin et al., arXiv 2305.08891, section 3.4): brings the deviation of one sample's guided
/// prediction back to that of its conditional one, by the share `amount`.
fn rescale(guided: &mut [f32], conditional: &[f32], amount: f32) {
    let (own, wanted) = (deviation(guided), deviation(conditional));
    if own > 0.0 {
        let factor = (f64::from(amount) * (wanted / own - 1.0) + 1.0) as f32;
        guided.iter_mut().for_each(|value| *value *= factor);
    }
}

fn deviation(values: &[f32]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_brings_the_deviation_back() {
        let conditional = [1.0f32, -1.0, 3.0, 5.0];
        let mut guided = [5.0f32, -8.0, 13.0, 20.0];
        let before = deviation(&guided);
        rescale(&mut guided, &conditional, 0.0);
        assert!((deviation(&guided) - before).abs() < 1e-6);
        rescale(&mut guided, &conditional, 1.0);
        assert!((deviation(&guided) - deviation(&conditional)).abs() < 1e-6);
        rescale(&mut [2.0, 2.0], &conditional[..2], 1.0);
    }

    #[test]
    fn scales_are_one_a_step_or_spread_over_the_run() {
        assert_eq!(scales(&[1.0, 4.0, 2.5], 3), [1.0, 4.0, 2.5]);
        assert_eq!(scales(&[1.0, 5.0], 5), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(scales(&[1.0, 3.0, 1.0], 5), [1.0, 2.0, 3.0, 2.0, 1.0]);
        assert_eq!(scales(&[1.0, 1.0, 2.0], 25)[..13], [1.0; 13]);
        assert_eq!(scales(&[], 25), [0.0; 0]);
        let odd = scales(&[1.0, 3.0, 2.0], 4);
        assert_eq!((odd[0], odd[3]), (1.0, 2.0));
        assert!((odd[1] - 7.0 / 3.0).abs() < 1e-6 && (odd[2] - 8.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn guidance_extrapolates_and_scale_one_is_the_conditional_prediction() {
        let mut found = [1.0f32, 2.0];
        combine(&mut found, &[0.5, 3.0], 5.0);
        assert_eq!(found, [3.0, -2.0]);
        let mut same = [1.0f32, 2.0];
        combine(&mut same, &[0.5, 3.0], 1.0);
        assert_eq!(same, [1.0, 2.0]);
    }
}
