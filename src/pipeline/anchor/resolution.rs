//! Whether stored latents serve as anchors, or images are encoded again.

use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::mix;

/// Whether anchors are made of images encoded at the size of the images to be. `stored` is the shape of the latents that
/// `encode` keeps.
///
/// # Errors
/// If the model can't make images of that size.
pub(crate) fn encoded_again(context: &Context, stored: [usize; 3]) -> Result<bool, StageError> {
    let whole = context.model.latent_shape(context.size())?;
    if stored != whole && serves_pooled(context, whole, stored) {
        return Ok(false);
    }
    // Averages over a grid may have the shape of a smaller image's latent.
    Ok(context.pipeline.encode.size != context.size() || stored != whole)
}

/// Whether guidance looks at no more of an anchor than the averages over cells that `encode` keeps. The test of [`mix`]
/// adds noise to whole anchors.
///
/// [`mix`]: crate::pipeline::mix
fn serves_pooled(context: &Context, whole: [usize; 3], stored: [usize; 3]) -> bool {
    let terms = &context.pipeline.guidance.terms;
    !mix::is_on(context) && terms.takes_anchor(whole, stored.iter().product())
}
