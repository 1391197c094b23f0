//! Denoisers that take the guidance scale, beside their configuration.

use super::part::Part;
use super::ports::PortFault;
use crate::models::denoiser::scale_mismatch;
use crate::models::folder::ModelFolder;
use crate::onnx::header::Header;

const CONFIG: &str = "copy the config.json of this graph's own model beside it";

/// In what the denoiser's graph differs from its configuration, by the graph's header.
pub(super) fn header(folder: &ModelFolder, part: Part, header: &Header) -> Option<PortFault> {
    let Part::Denoiser(family) = part else { return None };
    let has = |name: &str| header.inputs.iter().any(|input| input.name == name);
    let fault = scale_mismatch(family.conditioning, folder.scale_input, has)?;
    Some((fault, CONFIG.to_owned()))
}
