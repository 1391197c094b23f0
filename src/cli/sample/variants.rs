//! The settings of `coda-pipe sample`: how images are sampled, and the values of a sweep.

use super::Sample;
use crate::cli::exit::UsageError;
use crate::config::{default_cfg, guidance_of};
use crate::models::Sampling;
use crate::models::guidance::{GuidanceSchedule, PUBLISHED};
use crate::models::noise_schedule::Method;

/// An image of a sweep: what it is, its settings and its seed.
pub(super) type Variant = (String, Sampling, u64);

impl Sample {
    /// How images are sampled.
    pub(super) fn sampling(&self, size: usize) -> Result<Sampling, UsageError> {
        let sampling = Sampling {
            steps: self.steps,
            guidance_rescale: self.guidance_rescale as f32,
            size,
            method: Method { solver: self.scheduler, sigmas: self.sigmas },
            denoising_factor: self.denoising_factor.unwrap_or(1.0),
            ..Sampling::default()
        };
        self.guided(&sampling, None).map_err(UsageError)
    }

    /// `sampling` with the guidance that the options say, and `swept` in place of what they say of the same key.
    fn guided(&self, sampling: &Sampling, swept: Option<&str>) -> Result<Sampling, String> {
        let mut sets = Vec::new();
        sets.extend(self.gamma.map(|gamma| format!("gamma={gamma}")));
        sets.extend(self.guidance_fraction.map(|share| format!("guidance_fraction={share}")));
        let schedule = self.schedule.map(GuidanceSchedule::name);
        sets.extend(schedule.map(|name| format!("guidance.{PUBLISHED}.schedule={name}")));
        sets.extend(self.sets.iter().cloned().chain(swept.map(str::to_owned)));
        let (guidance, generate) = guidance_of(&sets)?;
        Ok(Sampling {
            cfg: self.cfg.unwrap_or_else(|| default_cfg(&guidance.terms)) as f32,
            gamma: if self.anchor.is_some() { generate.gamma as f32 } else { 0.0 },
            guidance_fraction: generate.guidance_fraction,
            terms: guidance.terms,
            ..sampling.clone()
        })
    }

    /// The settings of each image: one, or one a value of the sweep.
    pub(super) fn variants(&self, sampling: &Sampling) -> Result<Vec<Variant>, UsageError> {
        let Some(sweep) = &self.sweep else {
            return Ok(vec![(String::new(), sampling.clone(), self.seed)]);
        };
        let wrong = |why: String| UsageError(format!("--sweep {sweep}: {why}"));
        let (key, values) =
            sweep.split_once('=').ok_or_else(|| wrong("write key=value,value".into()))?;
        let variant = |text: &str| self.variant(sampling, key, text).map_err(wrong);
        values.split(',').map(variant).collect()
    }

    /// The image of one value of the sweep of `key`.
    fn variant(&self, sampling: &Sampling, key: &str, text: &str) -> Result<Variant, String> {
        let (label, text) = (format!("{key} = {text}"), text.trim());
        let guides = key == "guidance" || key.starts_with("guidance.");
        if guides || matches!(key, "gamma" | "guidance-fraction") {
            let name = if guides { key.to_owned() } else { key.replace('-', "_") };
            return Ok((label, self.guided(sampling, Some(&format!("{name}={text}")))?, self.seed));
        }
        let number = text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"));
        let (mut own, mut seed) = (sampling.clone(), self.seed);
        match key {
            "cfg" => match number? {
                number if number >= 0.0 => own.cfg = number as f32,
                _ => return Err(format!("{text} is negative or not a number")),
            },
            "steps" => own.steps = number? as usize,
            "seed" => seed = number? as u64,
            other => return Err(format!("`{other}` can't be swept")),
        }
        Ok((label, own, seed))
    }
}
