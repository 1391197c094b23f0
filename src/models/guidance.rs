//! CoDA's correction, which pulls a sample towards its anchor, and classifier-free guidance.
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
//! which moves ẑ0 by γ·σ_i·(s − ẑ0). The paper's text has the same without σ_i.

use serde::{Deserialize, Serialize};

use super::scheduler::{PredictionType, Schedule};

/// How the pull on the clean latent depends on the noise level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// γ·σ_i, strong while there is much noise; the published program.
    #[default]
    Sigma,
    /// γ throughout; the paper's text.
    Flat,
    /// As `Sigma` on latents of [`REFERENCE_SIDE`], the like on others, and never past the anchor:
    /// the guided ẑ0 moves by w·γ·σ_i·(`REFERENCE_SIDE`/side) of its way, at most by all of it.
    ///
    /// The mean over k × k cells has a k-th of their noise: the detail that σ hides on 128 cells a
    /// side, σ·8/128 hides on 8, so that the same pull on the same detail takes 16 times the γ.
    Scaled,
}

/// Side of the latents that the published γ is for, in cells: SDXL's at 1,024 pixels.
pub const REFERENCE_SIDE: usize = 128;

/// Settings of the correction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// γ; 0 turns the correction off.
    pub gamma: f32,
    /// Fraction of the run that is corrected ("GTP"), 0 to 1.
    pub fraction: f64,
    /// How the pull varies.
    pub pull: Pull,
    /// Classifier-free scale w, by which guidance multiplies the correction.
    pub cfg: f32,
    /// Side of the latents in cells.
    pub side: usize,
}

impl Alignment {
    /// Share of the way to the anchor that ẑ0 is moved at `step`; `None` where the correction is
    /// over. `steps` is the length of the run that the fraction refers to: the steps of the base
    /// model when a refiner takes the rest.
    ///
    /// A step is corrected while its timestep is above that of step min(int(N·fraction), N−1),
    /// so never the last step.
    pub fn strength(&self, schedule: &Schedule, step: usize, steps: usize) -> Option<f32> {
        let end = ((steps as f64 * self.fraction) as usize).min(steps.saturating_sub(1));
        let (now, last) = (schedule.timesteps.get(step)?, schedule.timesteps.get(end)?);
        if self.gamma == 0.0 || now <= last {
            return None;
        }
        let by_sigma = schedule.sigmas.get(step).map(|sigma| self.gamma * sigma);
        match self.pull {
            Pull::Sigma => by_sigma,
            Pull::Scaled => by_sigma.map(|strength| {
                let scale = REFERENCE_SIDE as f32 / self.side.max(1) as f32;
                (strength * scale).min(1.0 / self.cfg.max(1.0))
            }),
            Pull::Flat => Some(self.gamma),
        }
    }
}

/// Changes a conditional prediction so that the clean latent it implies moves by `strength` of
/// its way to the anchor. `input` is the model's (scaled) input z_t; all slices are one sample's.
pub fn align(
    prediction: &mut [f32],
    input: &[f32],
    anchor: &[f32],
    alpha_bar: f32,
    strength: f32,
    prediction_type: PredictionType,
) {
    let alpha_bar = f64::from(alpha_bar);
    let (signal, noise) = (alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt());
    // ẑ0 as a combination of z_t and the prediction, and how the prediction must change for ẑ0
    // to grow by one while z_t stays: −sqrt(ᾱ)/sqrt(1−ᾱ) for ε, −1/sqrt(1−ᾱ) for v, 1 for ẑ0.
    let (of_input, of_output, per_unit) = match prediction_type {
        PredictionType::Epsilon => (1.0 / signal, -noise / signal, -signal / noise),
        PredictionType::VPrediction => (signal, -noise, -1.0 / noise),
        PredictionType::Sample => (0.0, 1.0, 1.0),
    };
    let (of_input, of_output) = (of_input as f32, of_output as f32);
    let change = (per_unit * f64::from(strength)) as f32;
    for ((output, &z), &s) in prediction.iter_mut().zip(input).zip(anchor) {
        let clean = of_input * z + of_output * *output;
        *output += change * (s - clean);
    }
}

/// Classifier-free guidance: ε_u + w·(ε_c − ε_u), written over the conditional prediction.
pub fn combine(conditional: &mut [f32], unconditional: &[f32], scale: f32) {
    for (c, &u) in conditional.iter_mut().zip(unconditional) {
        *c = u + scale * (*c - u);
    }
}

/// Guidance rescale (Lin et al., arXiv 2305.08891, section 3.4): brings the deviation of one sample's guided
/// prediction back to that of its conditional one, by the share `amount`.
pub fn rescale(guided: &mut [f32], conditional: &[f32], amount: f32) {
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
    use crate::models::scheduler::{Method, SchedulerConfig};

    const PUBLISHED: Alignment =
        Alignment { gamma: 0.05, fraction: 0.9, pull: Pull::Sigma, cfg: 5.0, side: 128 };

    fn schedule(steps: usize) -> Schedule {
        SchedulerConfig::default().schedule(Method::default(), steps)
    }

    fn corrected(alignment: Alignment, steps: usize) -> usize {
        let schedule = schedule(steps);
        (0..steps).filter(|&i| alignment.strength(&schedule, i, steps).is_some()).count()
    }

    #[test]
    fn the_fraction_cuts_off_the_end_and_always_the_last_step() {
        let with = |fraction| Alignment { fraction, ..PUBLISHED };
        assert_eq!(corrected(with(0.9), 25), 22);
        assert_eq!(corrected(with(1.0), 25), 24);
        assert_eq!(corrected(with(0.5), 50), 25);
        assert_eq!(corrected(with(0.0), 25), 0);
        assert_eq!(corrected(with(1.0), 1), 0);
        assert_eq!(corrected(Alignment { gamma: 0.0, ..with(1.0) }, 25), 0);
    }

    #[test]
    fn the_sigma_pull_equals_the_published_formula() {
        let schedule = schedule(25);
        let (input, anchor) = ([0.8f32, -1.1, 2.0], [0.3f32, 0.9, -0.4]);
        for step in [0, 10, 21] {
            let alpha_bar = f64::from(schedule.alpha_bars[step]);
            let sigma = f64::from(schedule.sigmas[step]);
            let mut found = [0.5f32, -0.2, 1.4];
            let before = found;
            let strength = PUBLISHED.strength(&schedule, step, 25).unwrap();
            align(
                &mut found,
                &input,
                &anchor,
                schedule.alpha_bars[step],
                strength,
                PredictionType::Epsilon,
            );
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
        let schedule = schedule(25);
        let strengths = |pull, side| -> Vec<f32> {
            let alignment = Alignment { pull, side, fraction: 1.0, ..PUBLISHED };
            (0..24).filter_map(|step| alignment.strength(&schedule, step, 25)).collect()
        };
        let published = strengths(Pull::Sigma, 128);
        assert!(published[0] * 5.0 > 3.0, "published, it goes far past the anchor");
        for (side, times) in [(128, 1.0), (64, 2.0), (8, 16.0)] {
            for (scaled, sigma) in strengths(Pull::Scaled, side).iter().zip(&published) {
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
            let mut output = [0.5f32, -0.7];
            align(&mut output, &input, &anchor, alpha_bar, 1.0, prediction_type);
            for i in 0..2 {
                let clean = match prediction_type {
                    PredictionType::Epsilon => (input[i] - noise * output[i]) / signal,
                    PredictionType::VPrediction => signal * input[i] - noise * output[i],
                    PredictionType::Sample => output[i],
                };
                assert!((clean - anchor[i]).abs() < 1e-5, "{prediction_type:?}: {clean}");
            }
        }
    }

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
    fn guidance_extrapolates_and_scale_one_is_the_conditional_prediction() {
        let mut found = [1.0f32, 2.0];
        combine(&mut found, &[0.5, 3.0], 5.0);
        assert_eq!(found, [3.0, -2.0]);
        let mut same = [1.0f32, 2.0];
        combine(&mut same, &[0.5, 3.0], 1.0);
        assert_eq!(same, [1.0, 2.0]);
    }
}
