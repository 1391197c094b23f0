//! Noise on the prompt (DMGD's semantic matching, arXiv 2605.03877; after CADS, arXiv 2310.17347): images of one prompt
//! differ by more than their noise.
//!
//! ```text
//! y' = √l·y + β·√(1−l)·n,   brought back to y's mean and deviation
//! ```
//!
//! with n Gaussian noise from the image's seed and the step, l = 0 above timestep 900, 1 below 500 and linear between. The
//! published formula also adds a hundredth of another class's prompt, which would make images depend on other classes.

use super::settings::{TermKey, TermKind, TermValue};
use super::{Edits, GuidancePlan, GuidanceTerm};
use crate::models::noise::{Noise, step_seed};
use crate::models::noise_schedule::NoiseSchedule;
use crate::models::text::PromptEmbedding;

/// The term.
pub(super) struct PromptNoise;

const NAME: &str = "prompt-noise";

/// Timesteps of a thousand between which the prompt comes through.
const TIMES: [f64; 2] = [900.0, 500.0];

const STRENGTH: TermKey = TermKey {
    name: "strength",
    kind: TermKind::Number { least: 0.0, most: 10.0 },
    default: TermValue::Number(0.01),
    off: Some(TermValue::Number(0.0)),
    doc: "β, the noise beside the prompt: published values go from 0.01 for few images a class to 0.1. 0 is off.\n",
};

impl GuidanceTerm for PromptNoise {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Adds noise to the encoded prompt in the noisy steps (timesteps above 500 of 1,000), for images of one prompt that\n\
         differ more. The noise comes from the image's seed. Such steps bind the prompts anew."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[STRENGTH]
    }

    fn edits(&self) -> Edits {
        Edits::Nothing
    }

    fn changes_prompts(&self, _: &GuidancePlan, levels: &NoiseSchedule, step: usize) -> bool {
        kept(levels, step) < 1.0
    }

    fn edit_prompt(
        &self,
        plan: &GuidancePlan,
        (levels, step): (&NoiseSchedule, usize),
        seed: u64,
        prompt: &mut PromptEmbedding,
    ) {
        let strength = plan.settings.terms.number(NAME, &STRENGTH);
        let (hidden, pooled) = (prompt.hidden.len(), prompt.pooled.len());
        let noise = Noise::Native.values(step_seed(seed, step as u64), hidden + pooled);
        let kept = kept(levels, step);
        noised(&mut prompt.hidden, &noise[..hidden], kept, strength);
        noised(&mut prompt.pooled, &noise[hidden..], kept, strength);
    }
}

/// l of a step: how much of the prompt is kept.
fn kept(levels: &NoiseSchedule, step: usize) -> f64 {
    ((TIMES[0] - levels.times[step]) / (TIMES[0] - TIMES[1])).clamp(0.0, 1.0)
}

/// Makes y' of the values y.
pub(super) fn noised(values: &mut [f32], noise: &[f32], kept: f64, strength: f64) {
    let (of_value, of_noise) = (kept.sqrt(), strength * (1.0 - kept).sqrt());
    let own = moments(values.iter().map(|&value| f64::from(value)));
    let mixed: Vec<f64> = values
        .iter()
        .zip(noise)
        .map(|(&value, &noise)| of_value * f64::from(value) + of_noise * f64::from(noise))
        .collect();
    let found = moments(mixed.iter().copied());
    if found.1 > 0.0 {
        for (value, mixed) in values.iter_mut().zip(mixed) {
            *value = ((mixed - found.0) / found.1 * own.1 + own.0) as f32;
        }
    }
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
}
