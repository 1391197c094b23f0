//! The settings of `coda-pipe sample`: how images are sampled, and the values of a sweep.

use super::Sample;
use crate::cli::exit::UsageError;
use crate::config::guidance_of;
use crate::models::guidance::{GuidanceSchedule, PUBLISHED, TermSettings};
use crate::models::noise_schedule::Method;
use crate::models::{ModelTraits, Overrides, Sampling};

/// An image of a sweep: what it is, its settings and its seed.
pub(super) type Variant = (String, Sampling, u64);

impl Sample {
    /// Solver and noise levels: those of the options, or the model's own.
    pub(super) fn method(&self, traits: Option<&ModelTraits>) -> Method {
        let own = traits.map_or(Method::default(), |traits| traits.own_sampling(false).method);
        Method {
            solver: self.scheduler.unwrap_or(own.solver),
            sigmas: self.sigmas.unwrap_or(own.sigmas),
        }
    }

    /// How images are sampled.
    pub(super) fn sampling(
        &self,
        size: usize,
        traits: &ModelTraits,
    ) -> Result<Sampling, UsageError> {
        let own = traits.own_sampling(false);
        let sampling = Sampling {
            steps: self.steps.unwrap_or(own.steps),
            guidance_rescale: self.guidance_rescale as f32,
            size,
            method: self.method(Some(traits)),
            overrides: Overrides { timestep_spacing: own.timestep_spacing, ..Overrides::default() },
            denoising_factor: self.denoising_factor.unwrap_or(1.0),
            noise: self.noise,
            ..Sampling::default()
        };
        self.guided(&sampling, traits, None).map_err(UsageError)
    }

    /// `sampling` with the guidance that the options say, and `swept` in place of what they say of the same key.
    fn guided(
        &self,
        sampling: &Sampling,
        traits: &ModelTraits,
        swept: Option<&str>,
    ) -> Result<Sampling, String> {
        let mut sets = Vec::new();
        sets.extend(self.gamma.map(|gamma| format!("gamma={gamma}")));
        sets.extend(self.guidance_fraction.map(|share| format!("guidance_fraction={share}")));
        let schedule = self.schedule.map(GuidanceSchedule::name);
        sets.extend(schedule.map(|name| format!("guidance.{PUBLISHED}.schedule={name}")));
        sets.extend(self.cfg_interval.as_ref().map(|of| format!("guidance.cfg_interval=[{of}]")));
        sets.extend(self.sets.iter().cloned().chain(swept.map(str::to_owned)));
        let (guidance, generate) = guidance_of(&sets)?;
        let scales: Vec<f32> = guidance.cfg_schedule.iter().map(|&scale| scale as f32).collect();
        if let (Some(cfg), false) = (self.cfg, scales.is_empty()) {
            return Err(format!(
                "--cfg {cfg} and guidance.cfg_schedule both set the guidance scale: remove one of the two"
            ));
        }
        let own = || own_scale(traits, &guidance.terms);
        let greatest = scales.iter().copied().reduce(f32::max);
        let cfg = self.cfg.map(|cfg| cfg as f32).or(greatest).unwrap_or_else(own);
        Ok(Sampling {
            cfg_schedule: scales,
            gamma: if self.anchor.is_some() { generate.gamma as f32 } else { 0.0 },
            guidance_fraction: generate.guidance_fraction,
            terms: guidance.terms,
            ..scaled(sampling, traits, cfg)
        })
    }

    /// The settings of each image: one, or one a value of the sweep.
    pub(super) fn variants(
        &self,
        sampling: &Sampling,
        traits: &ModelTraits,
    ) -> Result<Vec<Variant>, UsageError> {
        let Some(sweep) = &self.sweep else {
            return Ok(vec![(String::new(), sampling.clone(), self.seed)]);
        };
        let wrong = |why: String| UsageError(format!("--sweep {sweep}: {why}"));
        let (key, values) =
            sweep.split_once('=').ok_or_else(|| wrong("write key=value,value".into()))?;
        let variant = |text: &str| self.variant((sampling, traits), key, text).map_err(wrong);
        values.split(',').map(variant).collect()
    }

    /// The image of one value of the sweep of `key`.
    fn variant(
        &self,
        (sampling, traits): (&Sampling, &ModelTraits),
        key: &str,
        text: &str,
    ) -> Result<Variant, String> {
        let (label, text) = (format!("{key} = {text}"), text.trim());
        let guides = key == "guidance" || key.starts_with("guidance.");
        if guides || matches!(key, "gamma" | "guidance-fraction") {
            let name = if guides { key.to_owned() } else { key.replace('-', "_") };
            let swept = format!("{name}={text}");
            return Ok((label, self.guided(sampling, traits, Some(&swept))?, self.seed));
        }
        let number = text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"));
        let (mut own, mut seed) = (sampling.clone(), self.seed);
        match key {
            "cfg" => match number? {
                number if number >= 0.0 => own = scaled(&own, traits, number as f32),
                _ => return Err(format!("{text} is negative or not a number")),
            },
            "steps" => own.steps = number? as usize,
            "seed" => seed = number? as u64,
            other => return Err(format!("`{other}` can't be swept")),
        }
        Ok((label, own, seed))
    }
}

/// The model's own scale with these terms.
fn own_scale(traits: &ModelTraits, terms: &TermSettings) -> f32 {
    traits.own_sampling(terms.is_used(PUBLISHED)).cfg as f32
}

/// `sampling` with the scale `cfg`, where the model takes it.
fn scaled(sampling: &Sampling, traits: &ModelTraits, cfg: f32) -> Sampling {
    let (cfg, embedded_scale) = if traits.embeds_scale { (1.0, Some(cfg)) } else { (cfg, None) };
    Sampling { cfg, embedded_scale, ..sampling.clone() }
}
