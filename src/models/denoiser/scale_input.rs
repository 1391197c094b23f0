//! The input of the guidance scale, which only some denoisers have.

use crate::models::family::{Conditioning, ScaleInput};

/// That of an LCM's UNet.
pub(super) const OF_UNET: &str = "timestep_cond";
/// That of FLUX.1 dev.
pub(super) const OF_FLUX: &str = "guidance";

/// In what a graph that has the inputs for which `has` holds differs from its configuration, which says `told`.
pub(in crate::models) fn scale_mismatch(
    conditioning: Conditioning,
    told: ScaleInput,
    has: impl Fn(&str) -> bool,
) -> Option<String> {
    let (input, key) = match conditioning {
        Conditioning::Unet | Conditioning::UnetWithSize => (OF_UNET, "time_cond_proj_dim"),
        Conditioning::Packed => (OF_FLUX, "guidance_embeds"),
        Conditioning::Joint | Conditioning::Masked => return None,
    };
    let kind = if input == OF_UNET { "an LCM" } else { "FLUX.1 dev" };
    match (has(input), told == ScaleInput::Embedded) {
        (true, false) => Some(format!(
            "it wants the input `{input}`, as {kind} does, but its config.json has no {key}"
        )),
        (false, true) => Some(format!(
            "it lacks the input `{input}`, but its config.json has {key}, as that of {kind}"
        )),
        _ => None,
    }
}
