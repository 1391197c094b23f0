//! What a run asks of its models, looked at before the first unit is begun: hours of encoding must not end in a model that
//! can't generate. No graph is opened.

use super::context::{Context, method};
use super::error::StageError;
use crate::config::ClassList;
use crate::diffusion::checkup::{Problem, cautions, problems, refuse};
use crate::diffusion::scheduler::Method;
use crate::diffusion::{PromptTokens, Purpose};
use crate::features;
use crate::pipeline::generate::device::sampling;
use crate::run::{StageRange, place};

/// Refuses models that can't do what is left to do in `stages`, and answers with what the user should know of them.
///
/// # Errors
/// What `doctor --model` says of them, and settings that fit no model.
pub(crate) fn preflight(context: &Context, stages: &StageRange) -> Result<Vec<String>, StageError> {
    let needs = |stage| stages.contains(&place(stage));
    let purpose = match (needs("generate"), needs("encode") || needs("anchor")) {
        (true, _) => Purpose::Generate,
        (_, true) => Purpose::Encode,
        _ => return Ok(Vec::new()),
    };
    let settings = &context.pipeline.model;
    refuse(&settings.path, purpose, method(&context.pipeline))?;
    if let (Some(refiner), Purpose::Generate) = (&settings.refiner, purpose) {
        refuse(refiner, purpose, Method::EULER)?;
    }
    let mut said = Vec::new();
    if needs("encode") {
        check_features(context)?;
        said.extend(feature_caution(context));
    }
    if needs("generate") || needs("anchor") {
        check_size(context)?;
    }
    if purpose == Purpose::Encode {
        // What is not there may be still to come.
        let later = problems(&settings.path, Purpose::Generate, method(&context.pipeline));
        let later = later.into_iter().filter(|problem| problem.file.exists());
        said.extend(later.map(|problem| sentence("`generate` will refuse the model", &problem)));
    }
    if needs("generate") {
        let sampling = sampling(&context.pipeline, context.size());
        sampling.check(&sampling.overrides.apply(&context.model.scheduler))?;
        said.extend(about(context));
        if let Some(classes) = &context.classes {
            said.extend(prompt_warnings(context, classes)?);
        }
    }
    Ok(said)
}

/// The same for `plan`: what a run would refuse, and what it would warn of, one sentence each.
pub(crate) fn findings(context: &Context) -> Vec<String> {
    let settings = &context.pipeline.model;
    let mut wrong = problems(&settings.path, Purpose::Generate, method(&context.pipeline));
    if let Some(refiner) = &settings.refiner {
        wrong.extend(problems(refiner, Purpose::Generate, Method::EULER));
    }
    let mut said: Vec<String> =
        wrong.iter().map(|problem| sentence("the run will refuse the model", problem)).collect();
    let sampling = sampling(&context.pipeline, context.size());
    let checks = [
        check_features(context),
        check_size(context),
        sampling.check(&sampling.overrides.apply(&context.model.scheduler)).map_err(Into::into),
    ];
    let failed = checks.into_iter().filter_map(Result::err);
    said.extend(failed.map(|error| format!("the run will stop: {error}")));
    said.extend(feature_caution(context));
    said.extend(about(context));
    if let Some(classes) = &context.classes {
        // A tokenizer that can't be opened is among the problems.
        said.extend(prompt_warnings(context, classes).unwrap_or_default());
    }
    said
}

fn sentence(what_happens: &str, problem: &Problem) -> String {
    let (file, what, cure) = (problem.file.display(), &problem.what, &problem.cure);
    format!("{what_happens}: {file}: {what}; {cure}")
}

fn about(context: &Context) -> Vec<String> {
    let size = context.sized.then(|| context.size());
    cautions(&context.model, method(&context.pipeline), size, context.pipeline.generate.cfg)
}

fn check_size(context: &Context) -> Result<(), StageError> {
    if !context.sized {
        let file = context.model.root.join("unet/config.json");
        return Err(StageError::Other(format!(
            "{} doesn't tell which size the model is for (sample_size): set `size` in [generate]",
            file.display()
        )));
    }
    context.model.latent_shape(context.size())?;
    Ok(())
}

fn check_features(context: &Context) -> Result<(), StageError> {
    let settings = &context.pipeline.features;
    let Some(path) = &settings.model else { return Ok(()) };
    Ok(features::check_file(path, settings.output.as_deref())?)
}

fn feature_caution(context: &Context) -> Option<String> {
    let settings = &context.pipeline.features;
    settings.model.as_ref()?;
    features::caution(settings.mean, settings.std)
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
    let mut said = tokens.warnings(prompts)?;
    let negative = ("[generate] negative_prompt", settings.negative_prompt.clone());
    said.extend(tokens.warnings([negative])?);
    Ok(said)
}
