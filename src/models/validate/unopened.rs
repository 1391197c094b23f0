//! What can be told of a model without opening a graph: the same for `doctor`, `run`, `plan` and `sample`.

use std::path::Path;

use serde::Deserialize;

use super::part::Part;
use super::ports;
use super::{Problem, denoiser_inputs, files, mismatch, refused, remedy};
use crate::models::components::ModelPaths;
use crate::models::error::DiffusionError;
use crate::models::family::TextKind;
use crate::models::folder::{ModelFolder, Purpose, SCHEDULER_CONFIG, TextPart};
use crate::models::json::read_json;
use crate::models::latent_output::{Fault, LatentOutput};
use crate::models::noise_schedule::Method;
use crate::models::text::PartTokens;
use crate::onnx::header;

/// All that is wrong with `model`, to be used for `purpose` and sampled by `method`.
pub fn problems(model: impl Into<ModelPaths>, purpose: Purpose, method: Method) -> Vec<Problem> {
    let paths = model.into();
    let root = paths.root();
    let mut found = files::check(&paths, purpose);
    let folder = match ModelFolder::open_for(&paths, purpose) {
        Ok(folder) => folder,
        Err(error) => {
            let problem = remedy::problem(root, &error);
            // The files' own check says more of a file or folder that is not there, and says it of all; and parts of
            // another model lack files of this one.
            let lacking = matches!(error, DiffusionError::MissingFile { .. });
            let index = root.join("model_index.json");
            let said = |known: &Problem| {
                problem.file.starts_with(&known.file) || (lacking && known.file == index)
            };
            if !found.iter().any(said) {
                found.push(problem);
            }
            return found;
        }
    };
    found.extend(mismatch::autoencoder(&paths));
    if purpose == Purpose::Generate {
        found.extend(scheduler(&folder, method));
        found.extend(mismatch::text(&folder));
        // What is missing of a tokenizer was said already.
        let more = tokenizers(&folder);
        let new = |problem: &Problem| !found.iter().any(|known| known.file == problem.file);
        let more: Vec<Problem> = more.into_iter().filter(new).collect();
        found.extend(more);
    }
    for (part, file) in graphs(&folder, purpose) {
        for problem in graph(&folder, part, file) {
            if !found.iter().any(|known| known.file == problem.file) {
                found.push(problem);
            }
        }
    }
    found
}

/// The graphs that `purpose` needs.
pub(super) fn graphs(folder: &ModelFolder, purpose: Purpose) -> Vec<(Part, &Path)> {
    let mut all = vec![(Part::VaeEncoder, folder.vae_encoder.as_path())];
    if purpose == Purpose::Generate {
        all.extend(folder.text.iter().map(|text| (Part::Text(text.role), text.graph.as_path())));
        all.push((Part::Denoiser(folder.family), folder.denoiser.as_path()));
        all.push((Part::VaeDecoder, folder.vae_decoder.as_path()));
    }
    all
}

fn scheduler(folder: &ModelFolder, method: Method) -> Option<Problem> {
    let file = folder.paths.file(SCHEDULER_CONFIG);
    let reason = folder.scheduler.check_for(method).err()?;
    Some(remedy::problem(&folder.root, &DiffusionError::Config { path: file, reason }))
}

/// What is wrong with the tokenizers, beside each other and their text encoders.
fn tokenizers(folder: &ModelFolder) -> Vec<Problem> {
    let (mut found, mut lengths) = (Vec::new(), Vec::new());
    for text in &folder.text {
        match vocabulary(&folder.root, text) {
            // Tokens of other kinds stand by themselves.
            Ok(_) if text.role.kind != TextKind::Clip || text.role.hidden.is_none() => {}
            Ok(length) => lengths.push((length, &text.tokenizer)),
            Err(problem) => found.push(problem),
        }
    }
    if let [(first, _), others @ ..] = &lengths[..]
        && let Some((other, path)) = others.iter().find(|(length, _)| length != first)
    {
        let reason = format!("{other} tokens, but the other tokenizer yields {first}");
        let error = DiffusionError::tokenizer(path, reason);
        found.push(remedy::problem(&folder.root, &error));
    }
    found
}

/// How many rows the embedding has, in a text encoder's configuration.
#[derive(Deserialize)]
struct TextWidths {
    vocab_size: Option<usize>,
}

/// The length of what a tokenizer yields, if it is that of its text encoder.
pub(super) fn vocabulary(root: &Path, text: &TextPart) -> Result<usize, Problem> {
    let file = text.graph.with_file_name("config.json");
    let both = PartTokens::open(text).and_then(|tokenizer| {
        let config: TextWidths = read_json(&file, "the text encoder's configuration")?;
        Ok((tokenizer, config.vocab_size))
    });
    let (tokenizer, known) = both.map_err(|error| remedy::problem(root, &error))?;
    let tokens = tokenizer.vocabulary();
    // Embeddings of T5 and Gemma have rows to spare.
    let spare = text.role.kind != TextKind::Clip;
    let differs = |known: &usize| *known < tokens || (!spare && *known != tokens);
    let Some(known) = known.filter(differs) else {
        return Ok(tokenizer.length());
    };
    let what = format!("it has {tokens} tokens, but vocab_size in {} is {known}", file.display());
    let remedy = "copy this tokenizer's files from the page of the model that the text encoder is of, all of them: \
                added_tokens.json too";
    Err(Problem { file: text.tokenizer.clone(), what, remedy: remedy.to_owned() })
}

/// What is wrong with the file of a graph.
fn graph(folder: &ModelFolder, part: Part, file: &Path) -> Vec<Problem> {
    if let Some(problem) = refused::by_files(file) {
        return vec![problem];
    }
    let mut header = match header::read(file) {
        Ok(header) => header,
        Err(damage) => return vec![damaged(file, &damage.to_string())],
    };
    let problem = |(what, remedy)| Problem { file: file.to_path_buf(), what, remedy };
    if part == Part::VaeEncoder {
        match LatentOutput::of(file, &folder.vae) {
            Ok(output) => output.rename(&mut header.outputs),
            Err(Fault::Refused(what, remedy)) => return vec![problem((what, remedy))],
            // Which the comparison says in more words.
            Err(Fault::Lacks) => {}
            Err(Fault::Unread(damage)) => return vec![damaged(file, &damage.to_string())],
        }
    }
    let faults = ports::compare_header(folder.family, part, &header);
    let fault = || denoiser_inputs::header(folder, part, &header).map(problem);
    if faults.is_empty() {
        fault().into_iter().collect()
    } else {
        faults.into_iter().map(problem).collect()
    }
}

/// A file that can't be opened as a graph.
fn damaged(file: &Path, damage: &str) -> Problem {
    Problem {
        file: file.to_path_buf(),
        what: format!("it could not be opened: {damage}"),
        remedy: "the file is damaged or cut short: download or export it again".to_owned(),
    }
}
