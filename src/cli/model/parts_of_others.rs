//! A model with parts of others: saved anew by diffusers before the export.

use super::recipe::{Dtype, Step};
use std::ffi::OsString;
use std::path::Path;

/// SDXL's autoencoder with weights adjusted for half precision.
pub(super) const SAFE_VAE: &str = "madebyollin/sdxl-vae-fp16-fix";

/// Saves a model with parts of others. A file of weights has no configuration: it fits the UNet that the model has.
const MIX: &str = "\
import os, sys
from diffusers import AutoencoderKL, DiffusionPipeline, EulerDiscreteScheduler, LCMScheduler, UNet2DConditionModel
name, out, *pairs = sys.argv[1:]
given = dict(pair.split('=', 1) for pair in pairs)
unet, parts = given.get('unet', ''), {}
if 'vae' in given:
    parts['vae'] = AutoencoderKL.from_pretrained(given['vae'])
if unet.endswith('.safetensors'):
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file
    owner, _, rest = unet.partition('/')
    file = unet if os.path.exists(unet) else hf_hub_download('/'.join([owner, rest.split('/')[0]]), rest.split('/', 1)[1])
    parts['unet'] = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(name, subfolder='unet'))
    parts['unet'].load_state_dict(load_file(file))
elif unet:
    inner = None if os.path.exists(os.path.join(unet, 'config.json')) else 'unet'
    parts['unet'] = UNet2DConditionModel.from_pretrained(unet, subfolder=inner)
pipe = DiffusionPipeline.from_pretrained(name, **parts)
if given.get('scheduler') == 'trailing':
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, timestep_spacing='trailing', use_karras_sigmas=False)
if given.get('scheduler') == 'lcm':
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
pipe.save_pretrained(out)
";

/// A schedule to write in place of a model's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Schedule {
    /// Euler's method at trailing timesteps
    Trailing,
    /// Latent consistency
    Lcm,
}

/// What a model takes from elsewhere.
pub(super) struct Others<'a> {
    pub(super) vae: Option<&'a str>,
    pub(super) unet: Option<&'a str>,
    pub(super) scheduler: Option<Schedule>,
}

impl<'a> Others<'a> {
    /// The autoencoder to mix in: the one asked for, none for `own`, and by default the fp16-safe one for SDXL in half precision.
    pub(super) fn chosen_vae(asked: Option<&'a str>, class: &str, dtype: Dtype) -> Option<&'a str> {
        let sdxl = class.contains("StableDiffusionXL");
        match asked {
            Some("own") => None,
            Some(name) => Some(name),
            None => (sdxl && dtype == Dtype::Fp16).then_some(SAFE_VAE),
        }
    }

    /// The command that saves the model `name` with these parts in `mixed`; `None` where it keeps all its own.
    pub(super) fn mix(&self, python: &Path, name: &str, mixed: &Path) -> Option<Step> {
        let scheduler = self.scheduler.map(|scheduler| match scheduler {
            Schedule::Trailing => "trailing",
            Schedule::Lcm => "lcm",
        });
        let given = [("vae", self.vae), ("unet", self.unet), ("scheduler", scheduler)];
        let given: Vec<(&str, &str)> =
            given.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
        if given.is_empty() {
            return None;
        }
        let mut words: Vec<OsString> = ["-c", MIX, name].map(OsString::from).into();
        words.push(mixed.as_os_str().to_owned());
        words.extend(given.iter().map(|(part, of)| format!("{part}={of}").into()));
        let named: Vec<String> = given.iter().map(|(part, of)| format!("{part} {of}")).collect();
        Some(Step::new(format!("save the model with {}", named.join(", ")), python, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safe_autoencoder_is_for_sdxl_in_half_precision() {
        let sdxl = "StableDiffusionXLPipeline";
        let chosen = Others::chosen_vae;
        assert_eq!(chosen(None, sdxl, Dtype::Fp16), Some(SAFE_VAE));
        assert_eq!(chosen(None, sdxl, Dtype::Fp32), None);
        assert_eq!(chosen(None, "StableDiffusionPipeline", Dtype::Fp16), None);
        assert_eq!(chosen(Some("own"), sdxl, Dtype::Fp16), None);
        assert_eq!(chosen(Some("a/b"), sdxl, Dtype::Fp32), Some("a/b"));
    }

    #[test]
    fn only_what_is_of_others_is_mixed_in() {
        let mix = |others: Others<'_>| others.mix(Path::new("python"), "a/b", Path::new("mixed"));
        assert_eq!(mix(Others { vae: None, unet: None, scheduler: None }), None);
        let unet = Some("c/d/few.safetensors");
        let step = mix(Others { vae: None, unet, scheduler: Some(Schedule::Trailing) }).unwrap();
        let words: Vec<_> =
            step.arguments.iter().skip(2).map(|word| word.to_string_lossy()).collect();
        assert_eq!(words, ["a/b", "mixed", "unet=c/d/few.safetensors", "scheduler=trailing"]);
        assert_eq!(step.what, "save the model with unet c/d/few.safetensors, scheduler trailing");
    }
}
