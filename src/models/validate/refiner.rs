//! A refiner beside the model whose latents it finishes.

use super::Problem;
use crate::models::family::Training;
use crate::models::folder::{ModelFolder, VAE_CONFIG};

const REMEDY: &str = "leave refiner out of [model] and set denoising_factor = 1 in [generate], or take the refiner that was made \
    for this model";

/// Why `refiner` can't finish the latents of `base`, if it can't.
pub fn refiner_fault(base: &ModelFolder, refiner: &ModelFolder) -> Option<Problem> {
    let problem =
        |what| Problem { file: refiner.paths.file(VAE_CONFIG), what, remedy: REMEDY.to_owned() };
    if base.family.training == Training::Flow || refiner.family.training == Training::Flow {
        let (base, refiner) = (base.family.name, refiner.family.name);
        let what = format!(
            "the refiner ({refiner}) takes over latents that still hold noise, which rectified flows mix in otherwise than \
             diffusion models do: the model is {base}"
        );
        return Some(problem(what));
    }
    let of = |folder: &ModelFolder| (folder.vae.latent_channels, folder.vae.scale());
    let ((channels, scale), (own_channels, own_scale)) = (of(base), of(refiner));
    ((channels, scale) != (own_channels, own_scale)).then(|| {
        problem(format!(
            "the refiner takes latents of {own_channels} channels and {own_scale} pixels a cell, and the model's have \
             {channels} channels and {scale} pixels a cell"
        ))
    })
}
