//! What `encode` asks of the second encoder, looked at before any work begins.

use crate::models::image_features;
use crate::pipeline::context::Context;
use crate::pipeline::info::Checks;

/// The second encoder, if the pipeline names one.
pub(super) fn check(context: &Context) -> Checks {
    let mut checks = Checks::default();
    let settings = &context.pipeline.features;
    if let Some(path) = &settings.model {
        checks.require(image_features::check_file(path, settings.output.as_deref()));
        checks.warnings.extend(image_features::caution(settings.mean, settings.std));
    }
    checks
}
