//! What `generate` asks of models and settings, looked at before any work begins.

use super::device::sampling;
use crate::config::ClassList;
use crate::models::PromptTokens;
use crate::models::validate::{Unusable, cautions, pairing, refiner_fault};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::info::Checks;
use crate::pipeline::sampling::method;

/// The size, the way of sampling, what the model is known for, and the prompts.
pub(super) fn check(context: &Context) -> Checks {
    let mut checks = check_size(context);
    let sampling = sampling(context);
    let negative = &context.pipeline.generate.negative_prompt;
    let mut pairing = pairing(&context.model, &context.traits, &sampling, negative);
    let refiner = context.refiner.as_ref();
    pairing.problems.extend(refiner.and_then(|refiner| refiner_fault(&context.model, refiner)));
    if !pairing.problems.is_empty() {
        let root = context.model.root.clone();
        checks.errors.push(Unusable { root, problems: pairing.problems }.into());
    }
    checks.require(sampling.check(&sampling.scheduler(&context.model)));
    let size = context.sized.then(|| context.size());
    checks.warnings.extend(cautions(&context.model, method(&context.pipeline), size));
    checks.warnings.extend(pairing.cautions);
    if let Some(classes) = &context.classes {
        match prompt_warnings(context, classes) {
            Ok(warnings) => checks.warnings.extend(warnings),
            Err(error) => checks.errors.push(error),
        }
    }
    checks
}

/// Whether the size of the images to be is known, and one that the model can do.
pub(crate) fn check_size(context: &Context) -> Checks {
    let mut checks = Checks::default();
    if context.sized {
        checks.require(context.model.latent_shape(context.size()));
        return checks;
    }
    let denoiser = context.model.family.denoiser;
    let file = context.model.paths.file(&format!("{denoiser}/config.json"));
    checks.errors.push(StageError::Other(format!(
        "{} has no sample_size, the image size of the model: set `size` in [generate]",
        file.display()
    )));
    checks
}

/// What is to be known of the prompts of `classes`: what is cut off, and which are the same.
///
/// # Errors
/// If a tokenizer can't be opened.
pub(crate) fn prompt_warnings(
    context: &Context,
    classes: &ClassList,
) -> Result<Vec<String>, StageError> {
    let settings = &context.pipeline.generate;
    let tokens = PromptTokens::open(&context.model)?;
    let named: Vec<(String, String)> = classes
        .classes()
        .iter()
        .map(|class| (format!("class {}", class.key), class.prompt_by(&settings.prompt)))
        .collect();
    let prompts = named.iter().map(|(class, prompt)| (class.as_str(), prompt.clone()));
    let mut warnings = tokens.warnings(prompts)?;
    let negative = ("[generate] negative_prompt", settings.negative_prompt.clone());
    warnings.extend(tokens.warnings([negative])?);
    Ok(warnings)
}
