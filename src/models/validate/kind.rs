//! What kind of model a folder is, by its index, and whether the folder agrees.

use super::Problem;
use crate::models::components::ModelPaths;
use crate::models::family::{FAMILIES, Family};
use crate::models::folder::ModelIndex;

/// What is wrong with the kind of model that an index names.
pub(super) fn problem(paths: &ModelPaths, index: &ModelIndex) -> Option<Problem> {
    let (what, remedy) = other_pipeline(index)
        .or_else(|| other_parts(index))
        .or_else(|| other_folder(paths, index))?;
    Some(Problem { file: paths.root().join("model_index.json"), what, remedy })
}

/// The index of a pipeline that no family covers.
fn other_pipeline(index: &ModelIndex) -> Option<(String, String)> {
    let class = index.class().filter(|class| !Family::is_known(class))?;
    let choice = Family::choice();
    Some(match FAMILIES.iter().find(|family| family.is_near(class)) {
        Some(base) => (
            format!(
                "this is a {class}, whose denoiser is run otherwise than that of {}",
                base.name
            ),
            format!("use {choice}: of this kind {} itself, text to image", base.name),
        ),
        None => (
            format!("this is a {class}, a kind of model that this program can't run"),
            format!("use {choice}"),
        ),
    })
}

/// The index of one family's pipeline with the parts of another's.
fn other_parts(index: &ModelIndex) -> Option<(String, String)> {
    let family = index.family()?;
    let class = index.class().unwrap_or("model of no class");
    if family.has_parts(|folder| index.part(folder)) {
        return None;
    }
    let whole =
        format!("take all parts of one {}: export it as a whole (docs/models.md)", family.name);
    let lacking = family.text.iter().find(|role| !role.optional && !index.names(role.folder));
    if let Some(other) = FAMILIES.iter().find(|other| other.has_parts(|folder| index.part(folder)))
    {
        let what =
            format!("it says {class}, but the parts that it names are those of {}", other.name);
        return Some((what, format!("use {}'s own model_index.json, or {whole}", other.name)));
    }
    Some(match lacking {
        Some(role) => (
            format!(
                "it names no {} ({}), which {} needs",
                role.folder,
                role.kind.name(),
                family.name
            ),
            whole,
        ),
        None => (
            format!(
                "it says {class}, but the parts that it names are others than those of {}",
                family.name
            ),
            whole,
        ),
    })
}

/// A folder with the denoiser of another family than its index says.
fn other_folder(paths: &ModelPaths, index: &ModelIndex) -> Option<(String, String)> {
    let family = index.family()?;
    let there = |folder: &str| paths.part(folder).is_dir();
    let other = FAMILIES.iter().map(|family| family.denoiser).find(|folder| there(folder))?;
    if there(family.denoiser) {
        return None;
    }
    let class = index.class().unwrap_or(family.name);
    Some((
        format!(
            "it says {class}, whose denoiser is in {}/, but the folder has {other}/",
            family.denoiser
        ),
        format!(
            "use the model_index.json of the model that {other}/ is of, or the parts of {}",
            family.name
        ),
    ))
}
