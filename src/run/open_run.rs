//! Opens a run from its directory alone.

use crate::config::Pipeline;
use crate::models::COMPONENTS;
use crate::pipeline::context::{Context, Notice};
use crate::pipeline::error::StageError;
use crate::store::{RunDir, StoreError};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Settings that are paths, by the last part of their names; beside them the components of a model.
const PATHS: [&str; 6] = ["path", "refiner", "classes", "library", "shards", "model"];

/// Opens the run in `run_dir` by its own copy of the pipeline file, with `sets` on top: the only way to reopen a run from its
/// directory alone. Relative paths of the file start at the file's folder, paths of the run's own `--set` where the run was
/// started, and paths of `sets` in the current folder.
///
/// # Errors
/// If no run was started there, or a file named in the pipeline is missing.
pub fn reopen(run_dir: &RunDir, sets: &[String], notice: Notice) -> Result<Context, StageError> {
    let record = run_dir.record()?;
    let here = std::env::current_dir().map_err(StoreError::io("find", Path::new(".")))?;
    // A run that was moved to another machine: its paths may hold in the current folder.
    let started_in = if record.folder.is_dir() { &record.folder } else { &here };
    let file = started_in.join(&record.pipeline);
    // The copy is what the last run to its end went by; the file it came from may have changed since.
    let text = match run_dir.local_if_any("pipeline.toml")? {
        Some(copy) => std::fs::read_to_string(&copy).map_err(StoreError::io("read", &copy))?,
        None => std::fs::read_to_string(&file).map_err(StoreError::io("read", &file))?,
    };
    let sets = sets.iter().map(|set| from_folder(&here, set));
    let sets: Vec<String> = record.sets.iter().cloned().chain(sets).collect();
    let pipeline = Pipeline::parse_in(started_in, &text, &file, &sets)?;
    let folder = file.parent().map_or_else(Default::default, Path::to_path_buf);
    Context::new(pipeline, run_dir.clone(), folder, notice)
}

/// `KEY=VALUE` with a path that is relative to `folder`, made to hold elsewhere too.
fn from_folder(folder: &Path, set: &str) -> String {
    let Some((key, value)) = set.split_once('=') else { return set.to_owned() };
    let name = key.trim().rsplit('.').next().unwrap_or_default();
    let path = value.trim().trim_matches('"');
    let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("pipe:");
    let component = COMPONENTS.iter().any(|component| component.key == name);
    if !(component || PATHS.contains(&name)) || elsewhere || path.starts_with(['[', '/']) {
        return set.to_owned();
    }
    format!("{key}={}", folder.join(path).display())
}

/// A digest of all inputs of `stage`, in hexadecimal, which changes when a unit is made from other inputs.
///
/// # Errors
/// If a receipt can't be read.
pub(crate) fn state_of(run_dir: &RunDir, stage: &str) -> Result<String, StoreError> {
    let mut all = Xxh3::new();
    for (name, receipt) in run_dir.receipts(stage)? {
        all.update(format!("{name} {}\n", receipt.fingerprint).as_bytes());
    }
    Ok(format!("{:032x}", all.digest128()))
}

/// Requires that `stage` of the run in `run_dir` is complete.
///
/// # Errors
/// [`StoreError::Absent`] if the stage is incomplete, or not known to be of the run's settings.
pub fn require(run_dir: &RunDir, stage: &str) -> Result<(), StoreError> {
    let receipts = run_dir.receipts(stage)?;
    let done = run_dir.with_outputs(receipts.values())?.len() as u64;
    let units = run_dir.record()?.stages.get(stage).map(|stage| stage.units);
    if units == Some(done) && done > 0 && run_dir.local_if_any("pipeline.toml")?.is_some() {
        return Ok(());
    }
    let of = units.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let what = format!(
        "no finished run in {run_dir}: {done} of {of} units of {stage} are done; finish the run first (coda-pipe run)"
    );
    Err(StoreError::Absent { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_on_the_command_line_is_of_the_current_folder() {
        let made = |set: &str| from_folder(Path::new("/here"), set);
        assert_eq!(made("model.path=models/demo"), "model.path=/here/models/demo");
        assert_eq!(made("model.vae=safe"), "model.vae=/here/safe");
        assert_eq!(made("data.shards=a-{0..1}.tar"), "data.shards=/here/a-{0..1}.tar");
        for as_it_is in [
            "model.path=/models/demo",
            "data.shards=https://server/a.tar",
            "data.shards=pipe:cat a.tar",
            "output.name=models",
            "nonsense",
        ] {
            assert_eq!(made(as_it_is), as_it_is);
        }
    }
}
