//! Going on with a finished run from its directory alone.

use crate::config::Pipeline;
use crate::pipeline::context::{Context, Notice};
use crate::pipeline::error::StageError;
use crate::store::{RunDir, StoreError};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// The surroundings of the run in `run_dir`, by its own copy of the pipeline file. Paths in it are relative to where the
/// file was, those of `--set` to where the command was given.
///
/// # Errors
/// If no run was finished there, or what its pipeline names is not there any more.
pub fn reopen(run_dir: &RunDir, notice: Notice) -> Result<Context, StageError> {
    let record = run_dir.record()?;
    let copy = run_dir.local("pipeline.toml")?;
    let text = std::fs::read_to_string(&copy).map_err(StoreError::io("read", &copy))?;
    let file = record.folder.join(&record.pipeline);
    let pipeline = Pipeline::parse_in(&record.folder, &text, &file, &record.sets)?;
    let folder = file.parent().map_or_else(Default::default, Path::to_path_buf);
    Context::new(pipeline, run_dir.clone(), folder, notice)
}

/// A digest of all that `stage` is done from, in hexadecimal: another when any of its units was made from something else.
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

/// Asks that `stage` of the run in `run_dir` be complete.
///
/// # Errors
/// [`StoreError::Absent`] if it is not, or not known to be of the run's settings.
pub fn require(run_dir: &RunDir, stage: &str) -> Result<(), StoreError> {
    let receipts = run_dir.receipts(stage)?;
    let done = run_dir.with_outputs(receipts.values())?.len() as u64;
    let units = run_dir.record()?.stages.get(stage).map(|stage| stage.units);
    if units == Some(done) && done > 0 && run_dir.local_if_any("pipeline.toml")?.is_some() {
        return Ok(());
    }
    let of = units.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let what = format!(
        "the run in {run_dir} is not finished: {done} of {of} units of {stage} are done; go on with it first (coda-pipe run)"
    );
    Err(StoreError::Absent { what })
}
