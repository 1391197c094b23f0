//! A run directory together with the pipeline that it was made with.

use super::exit::UsageError;
use anyhow::Context as _;
use coda_pipe::config::Pipeline;
use coda_pipe::stages::Context;
use coda_pipe::store::{RunDir, RunRecord};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What commands that look back at a run work on.
pub(crate) struct OfRun {
    pub(crate) context: Arc<Context>,
    pub(crate) run_dir: RunDir,
    pub(crate) record: RunRecord,
}

/// Opens the run directory at `root` with its own pipeline and `sets` on top. The current directory becomes the one in
/// which the run was started, as the pipeline's relative paths are relative to it: make paths absolute before.
pub(crate) fn open(
    root: &Path,
    sets: &[String],
    notice: impl Fn(&str) + Send + Sync + 'static,
) -> anyhow::Result<OfRun> {
    let mut run_dir = RunDir::at(root, None)?;
    if !run_dir.is_far() {
        run_dir = RunDir::new(&std::path::absolute(root).context("the run directory")?);
    }
    let run_dir = run_dir.begun()?;
    run_dir.create()?;
    run_dir.bring_all()?;
    let record = run_dir.record()?;
    let path = PathBuf::from(&record.pipeline);
    // Its own copy is what the last run to its end went by; the file it came from may have changed since.
    let copy = run_dir.path("pipeline.toml");
    let from = if copy.is_file() { copy } else { record.folder.join(&path) };
    let text = std::fs::read_to_string(&from)
        .with_context(|| format!("cannot read the run's pipeline {}", from.display()))?;
    if record.folder.is_dir() {
        std::env::set_current_dir(&record.folder)
            .with_context(|| format!("cannot go to {}", record.folder.display()))?;
    }
    let sets: Vec<String> = record.sets.iter().chain(sets).cloned().collect();
    let pipeline = Pipeline::parse(&text, &path, &sets)?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let context = Context::new(pipeline, run_dir.clone(), folder, Box::new(notice));
    let context = context.map_err(|error| {
        UsageError(format!(
            "{error}\n  did it move since the run? say where it is: --set model.path=…"
        ))
    })?;
    Ok(OfRun { context: Arc::new(context), run_dir, record })
}
