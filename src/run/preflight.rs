//! Checks the models before the first unit: hours of encoding must not end in a model that can't generate. No graph is
//! loaded.

use crate::models::noise_schedule::Method;
use crate::models::validate::{Problem, needs_card, problems, refuse, refuse_on_cpu};
use crate::models::{ModelFolder, ModelPaths, Purpose};
use crate::onnx::{Device, DeviceChoice};
use crate::pipeline::context::Context;
use crate::pipeline::sampling::{method, pairing_of};
use crate::pipeline::{ModelUse, STAGES, StageError, StageInfo};

/// The model parts that `stages` need; `None` for no part.
pub(crate) fn purpose(stages: &[&StageInfo]) -> Option<Purpose> {
    match stages.iter().map(|stage| stage.model).max()? {
        ModelUse::Nothing => None,
        ModelUse::Encoder => Some(Purpose::Encode),
        ModelUse::Generator => Some(Purpose::Generate),
    }
}

/// Refuses models that lack parts for `stages`, and returns warnings about the models.
///
/// # Errors
/// The problems that `doctor --model` reports, and settings that fit no model.
pub(crate) fn preflight(
    context: &Context,
    stages: &[&StageInfo],
) -> Result<Vec<String>, StageError> {
    let Some(purpose) = purpose(stages) else { return Ok(Vec::new()) };
    let settings = &context.pipeline.model;
    refuse(settings.paths(), purpose, method(&context.pipeline))?;
    if let (Some(refiner), Purpose::Generate) = (&settings.refiner, purpose) {
        refuse(refiner, purpose, Method::EULER)?;
    }
    refuse_without_card(context, purpose)?;
    let mut warnings = Vec::new();
    for stage in stages {
        let checks = (stage.check)(context);
        if let Some(error) = checks.errors.into_iter().next() {
            return Err(error);
        }
        warnings.extend(checks.warnings);
    }
    if purpose == Purpose::Encode {
        // What is not there may be still to come.
        let later = problems(settings.paths(), Purpose::Generate, method(&context.pipeline));
        let paired = ModelFolder::open_for(settings.paths(), Purpose::Generate).ok();
        let paired = paired.map(|folder| pairing_of(&context.pipeline, &folder).problems);
        let later = later.into_iter().chain(paired.unwrap_or_default());
        let later = later.filter(|problem| problem.file.exists());
        warnings
            .extend(later.map(|problem| sentence("`generate` will refuse the model", &problem)));
    }
    Ok(warnings)
}

/// Refuses graphs that were optimised for a card where the CPU is to run them. What the devices are is asked of ONNX Runtime
/// only where there are such graphs.
fn refuse_without_card(context: &Context, purpose: Purpose) -> Result<(), StageError> {
    let models = models(context);
    let suspect = models.iter().any(|model| !needs_card(model, purpose).is_empty());
    if suspect && context.runtime()?.1.contains(&Device::Cpu) {
        models.iter().try_for_each(|model| refuse_on_cpu(model, purpose))?;
    }
    Ok(())
}

/// The model and its refiner.
fn models(context: &Context) -> Vec<ModelPaths> {
    let settings = &context.pipeline.model;
    let refiner = settings.refiner.as_ref().map(ModelPaths::from);
    std::iter::once(settings.paths()).chain(refiner).collect()
}

/// What `plan` says of graphs that were optimised for a card, unless this machine has the card that the run asks for.
fn without_card(context: &Context) -> Vec<String> {
    let models = models(context);
    let wrong: Vec<Problem> =
        models.iter().flat_map(|model| needs_card(model, Purpose::Generate)).collect();
    let on_cards = || match &context.pipeline.runtime.devices {
        DeviceChoice::Fixed(devices) => !devices.contains(&Device::Cpu),
        DeviceChoice::Auto => {
            context.runtime().is_ok_and(|(_, devices)| !devices.contains(&Device::Cpu))
        }
    };
    if wrong.is_empty() || on_cards() {
        return Vec::new();
    }
    let refused = "without a card the run will refuse the model";
    wrong.iter().map(|problem| sentence(refused, problem)).collect()
}

/// The refusals and warnings of a run for `plan`, one sentence each.
pub(crate) fn findings(context: &Context) -> Vec<String> {
    let settings = &context.pipeline.model;
    let mut wrong = problems(settings.paths(), Purpose::Generate, method(&context.pipeline));
    if let Some(refiner) = &settings.refiner {
        wrong.extend(problems(refiner, Purpose::Generate, Method::EULER));
    }
    let mut found: Vec<String> =
        wrong.iter().map(|problem| sentence("the run will refuse the model", problem)).collect();
    let mut warnings = without_card(context);
    for stage in STAGES {
        let checks = (stage.check)(context);
        // Stages may ask for the same.
        for sentence in checks.errors.iter().flat_map(sentences) {
            if !found.contains(&sentence) {
                found.push(sentence);
            }
        }
        warnings.extend(checks.warnings);
    }
    found.extend(warnings);
    found
}

/// An error of a check, in sentences.
fn sentences(error: &StageError) -> Vec<String> {
    match error {
        StageError::Model(unusable) => {
            let refused = |problem| sentence("the run will refuse the model", problem);
            unusable.problems.iter().map(refused).collect()
        }
        error => vec![format!("the run will stop: {error}")],
    }
}

fn sentence(what_happens: &str, problem: &Problem) -> String {
    let (file, what, remedy) = (problem.file.display(), &problem.what, &problem.remedy);
    format!("{what_happens}: {file}: {what}; {remedy}")
}
