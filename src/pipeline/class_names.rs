//! The names that a data set's own metadata has for the numbers in its labels.

use super::context::Context;
use super::error::StageError;
use super::sources::Source;

/// Names that a sentence lists before it says that there are more.
const NAMED: usize = 10;

/// The names of the classes by number, where the pipeline has no class list and the shards have such names.
///
/// # Errors
/// If a shard can't be opened, or two shards have different names.
pub(crate) fn class_names(
    context: &Context,
    sources: &[Source],
) -> Result<Option<Vec<String>>, StageError> {
    let label = &context.pipeline.data.label;
    let (Some(first), None) = (sources.first(), &context.classes) else { return Ok(None) };
    // A damaged shard is told of where it is read.
    let names_of = |source: &Source| match source.class_names(label) {
        Err(fault) if !fault.reason.is_io() => Ok(None),
        names => names,
    };
    let Some(names) = names_of(first)? else { return Ok(None) };
    // Those between are not asked: what is written together agrees at both ends.
    let last = sources.last().filter(|last| last.name != first.name);
    let others = last.map(names_of).transpose()?.flatten();
    match (last, others) {
        (Some(last), Some(others)) if others != names => Err(StageError::Other(format!(
            "the shards {} and {} have different names for the numbers in their labels: give the classes of both with \
             [data] classes, or read one of them",
            first.name, last.name
        ))),
        _ => Ok(Some(names)),
    }
}

/// What is said of these names.
pub(crate) fn sentence(names: &[String]) -> String {
    let named = names.iter().enumerate().take(NAMED);
    let named: Vec<String> = named.map(|(number, name)| format!("{number} {name}")).collect();
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!(
        "the names in the data's metadata are the prompts ({}{more}): set [data] classes for others",
        named.join(", ")
    )
}
