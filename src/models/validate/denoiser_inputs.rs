//! Inputs of denoisers beside their configuration and the scheduler: the guidance scale, and what tells of the noise.

use super::part::Part;
use super::ports::PortFault;
use crate::models::denoiser::scale_mismatch;
use crate::models::folder::ModelFolder;
use crate::onnx::Element;
use crate::onnx::header::Header;

const CONFIG: &str = "copy the config.json of this graph's own model beside it";

/// In what the denoiser's graph differs from its configuration, by the graph's header.
pub(super) fn header(folder: &ModelFolder, part: Part, header: &Header) -> Option<PortFault> {
    let Part::Denoiser(family) = part else { return None };
    let has = |name: &str| header.inputs.iter().any(|input| input.name == name);
    if let Some(fault) = scale_mismatch(family.conditioning, folder.scale_input, has) {
        return Some((fault, CONFIG.to_owned()));
    }
    let timestep = header.inputs.iter().find(|input| input.name == "timestep")?;
    let declared = timestep.port(0);
    let whole = matches!(declared.element, Some(Element::I64 | Element::I32));
    (whole && folder.scheduler.is_edm()).then(|| {
        let what = format!(
            "the input `timestep` is {}, and a model of the kind EDM is told ln(σ)/4 there, a fraction",
            declared.declared
        );
        (what, "export the model again with optimum 1.24 or later, which takes timesteps of float32".to_owned())
    })
}
