//! What a model folder lacks, all at once, and what its indices say that can't work here.

use std::path::PathBuf;

use super::Problem;
use super::part::Part;
use super::refused::of_unusable;
use super::remedy;
use crate::models::components::ModelPaths;
use crate::models::family::{FAMILIES, Family, TextRole};
use crate::models::file_state::{Unusable, check_folder, look};
use crate::models::folder::{ModelIndex, Purpose, SCHEDULER_CONFIG, VAE_CONFIG};
use crate::models::json::read_json;
use crate::models::noise_schedule::OtherKeys;
use crate::onnx::ExternalData;

const COPY: &str = "copy it from the model's page, or export the model again (docs/models.md)";
const EXPORT: &str = "export the model: optimum-cli export onnx (docs/models.md)";

/// All files that are missing or not what they should be, in the folder's order.
pub(super) fn check(paths: &ModelPaths, purpose: Purpose) -> Vec<Problem> {
    let (mut problems, root) = (Vec::new(), paths.root());
    for folder in std::iter::once(root).chain(paths.folders_elsewhere()) {
        if let Err(error) = check_folder(folder) {
            return vec![remedy::problem(folder, &error)];
        }
    }
    let mut lacks = |file: &str, remedy: &str| {
        let path = paths.file(file);
        if let Err(unusable) = look(&path) {
            problems.push(of_unusable(&path, &unusable, remedy));
        }
    };
    if purpose == Purpose::Encode {
        lacks("vae_encoder/model.onnx", EXPORT);
        lacks(VAE_CONFIG, COPY);
        problems.extend(pointers(paths, Part::VaeEncoder));
        return problems;
    }
    lacks("model_index.json", EXPORT);
    lacks(SCHEDULER_CONFIG, COPY);
    let index = ModelIndex::read(root).unwrap_or_default();
    let parts = match index.family() {
        Some(family) => Part::all_of(family),
        None => vec![Part::Denoiser(&FAMILIES[0]), Part::VaeEncoder, Part::VaeDecoder],
    };
    for part in &parts {
        let folder = part.folder();
        // A PyTorch model has folders of the same names, with weights of another kind.
        lacks(&format!("{folder}/model.onnx"), EXPORT);
        if *part != Part::VaeEncoder {
            lacks(&format!("{folder}/config.json"), COPY);
        }
        if let Part::Text(TextRole { tokenizer, .. }) = part {
            lacks(&format!("{tokenizer}/tokenizer_config.json"), COPY);
            if matches!(look(&paths.part(tokenizer).join("tokenizer.json")), Err(Unusable::Missing))
            {
                lacks(&format!("{tokenizer}/vocab.json"), COPY);
                lacks(&format!("{tokenizer}/merges.txt"), COPY);
            }
        }
    }
    problems.extend(parts.iter().flat_map(|part| pointers(paths, *part)));
    problems.extend(other_kind(paths, &index));
    problems.extend(other_scheduler(paths));
    problems
}

/// External weights that were cloned without Git LFS.
fn pointers(paths: &ModelPaths, part: Part) -> Vec<Problem> {
    let graph = paths.part(part.folder()).join("model.onnx");
    let Ok(external) = ExternalData::of(&graph) else { return Vec::new() };
    let files: Vec<PathBuf> = external.paths(&graph).map(|(file, _)| file).collect();
    let pointer = |file: PathBuf| match look(&file) {
        Err(pointer @ Unusable::LfsPointer) => Some(of_unusable(&file, &pointer, EXPORT)),
        _ => None,
    };
    files.into_iter().filter_map(pointer).collect()
}

/// The index of a model of a pipeline that no family covers.
fn other_kind(paths: &ModelPaths, index: &ModelIndex) -> Option<Problem> {
    let class = index.class().filter(|class| !Family::is_known(class))?;
    Some(Problem {
        file: paths.root().join("model_index.json"),
        what: format!("this is a {class}, a kind of model that this program can't run"),
        remedy: format!("use {}", Family::choice()),
    })
}

fn other_scheduler(paths: &ModelPaths) -> Option<Problem> {
    let file = paths.file(SCHEDULER_CONFIG);
    let config: OtherKeys = read_json(&file, "the scheduler's settings").ok()?;
    let class = config.other_kind()?.to_owned();
    Some(Problem {
        what: format!("its scheduler is {class}, for another kind of model than noise prediction"),
        file,
        remedy: format!(
            "use {} with its own scheduler_config.json, not a distilled or flow-matching one",
            Family::choice()
        ),
    })
}
