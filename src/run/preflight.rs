//! Checks the models before the first unit: hours of encoding must not end in a model that can't generate. No graph is
//! loaded.

use crate::models::noise_schedule::Method;
use crate::models::validate::{Problem, problems, refuse};
use crate::models::{ModelFolder, Purpose};
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

/// The refusals and warnings of a run for `plan`, one sentence each.
pub(crate) fn findings(context: &Context) -> Vec<String> {
    let settings = &context.pipeline.model;
    let mut wrong = problems(settings.paths(), Purpose::Generate, method(&context.pipeline));
    if let Some(refiner) = &settings.refiner {
        wrong.extend(problems(refiner, Purpose::Generate, Method::EULER));
    }
    let mut found: Vec<String> =
        wrong.iter().map(|problem| sentence("the run will refuse the model", problem)).collect();
    let mut warnings = Vec::new();
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
