//! Denoisers that take the guidance scale, beside their configuration and the scheduler.

use super::Problem;
use super::part::Part;
use super::ports::PortFault;
use crate::models::denoiser::scale_mismatch;
use crate::models::family::{ScaleInput, Training};
use crate::models::folder::{ModelFolder, SCHEDULER_CONFIG};
use crate::models::noise_schedule::{Method, SolverKind};
use crate::onnx::header::Header;

const LCM_SCHEDULER: &str = "LCMScheduler";
const CONFIG: &str = "copy the config.json of this graph's own model beside it";

/// An LCM's UNet that is sampled as the model that it was made from.
pub(super) fn scale(folder: &ModelFolder, method: Method) -> Option<Problem> {
    let embeds = folder.scale_input == ScaleInput::Embedded;
    let class = folder.scheduler.others.class_name.as_deref();
    let lcm = class == Some(LCM_SCHEDULER) || method.solver == SolverKind::Lcm;
    if !embeds || folder.family.training == Training::Flow || lcm {
        return None;
    }
    let what = format!(
        "its scheduler is {}, but the UNet is an LCM's (time_cond_proj_dim in {})",
        class.unwrap_or("none by name"),
        folder.denoiser.with_file_name("config.json").display()
    );
    Some(Problem {
        file: folder.paths.file(SCHEDULER_CONFIG),
        what,
        remedy: "sample it with [generate] scheduler = \"lcm\", or take the scheduler_config.json of the LCM".to_owned(),
    })
}

/// In what the denoiser's graph differs from its configuration, by the graph's header.
pub(super) fn header(folder: &ModelFolder, part: Part, header: &Header) -> Option<PortFault> {
    let Part::Denoiser(family) = part else { return None };
    let has = |name: &str| header.inputs.iter().any(|input| input.name == name);
    let fault = scale_mismatch(family.conditioning, folder.scale_input, has)?;
    Some((fault, CONFIG.to_owned()))
}
