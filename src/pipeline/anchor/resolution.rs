//! Whether stored latents serve as anchors, or images are encoded again.

use crate::config::Mix;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;

/// Whether anchors are made of images encoded at the size of the images to be. `stored` is the shape of the latents that
/// `encode` keeps.
///
/// # Errors
/// If the model can't make images of that size.
pub(crate) fn encoded_again(context: &Context, stored: [usize; 3]) -> Result<bool, StageError> {
    if !needs_full_anchors(context) {
        return Ok(false);
    }
    // Averages over a grid may have the shape of a smaller image's latent.
    let whole = stored == context.model.latent_shape(context.size())?;
    Ok(context.pipeline.encode.size != context.size() || !whole)
}

/// Whether anything looks at more of an anchor than the averages over cells that `encode` keeps.
fn needs_full_anchors(context: &Context) -> bool {
    // The test of `mix` hands anchors to the denoiser.
    context.pipeline.generate.mix != Mix::Off || guidance_needs_full_anchors(context)
}

/// Whether a term of guidance does: all that there are.
fn guidance_needs_full_anchors(_context: &Context) -> bool {
    true
}
