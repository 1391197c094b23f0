//! A run directory together with the pipeline that it was made with.

use super::exit::UsageError;
use super::folders::folders;
use crate::config::Pipeline;
use crate::pipeline::Context;
use crate::store::{RunDir, RunRecord};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What commands that look back at a run work on.
pub(crate) struct OpenRun {
    pub(crate) context: Arc<Context>,
    pub(crate) run_dir: RunDir,
    pub(crate) record: RunRecord,
}

/// Settings that are paths, by the last part of their names.
const PATHS: [&str; 6] = ["path", "refiner", "classes", "library", "shards", "model"];

/// `KEY=VALUE` with a path that is relative to `folder`, made to hold elsewhere too.
fn of_folder(folder: &Path, set: &str) -> String {
    let Some((key, value)) = set.split_once('=') else { return set.to_owned() };
    let name = key.trim().rsplit('.').next().unwrap_or_default();
    let path = value.trim().trim_matches('"');
    let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("pipe:");
    if !PATHS.contains(&name) || elsewhere || path.starts_with(['[', '/']) {
        return set.to_owned();
    }
    format!("{key}={}", folder.join(path).display())
}

/// Opens the run directory at `root` with its own pipeline and `sets` on top. The current directory becomes the one in
/// which the run was started, as the pipeline's relative paths are relative to it: make paths absolute before.
pub(crate) fn open(
    root: &Path,
    sets: &[String],
    notice: impl Fn(&str) + Send + Sync + 'static,
) -> anyhow::Result<OpenRun> {
    let here = std::env::current_dir().context("cannot read the current folder")?;
    let mut run_dir = RunDir::at(root, None)?;
    if !run_dir.is_remote() {
        run_dir = RunDir::new(&std::path::absolute(root).context("cannot find the run directory")?);
    }
    let run_dir = run_dir.begun()?;
    run_dir.create()?;
    run_dir.make_all_local(&folders())?;
    let record = run_dir.record()?;
    let path = PathBuf::from(&record.pipeline);
    // Its own copy is what the last run to its end went by; the file it came from may have changed since.
    let copy = run_dir.path("pipeline.toml");
    let from = if copy.is_file() { copy } else { record.folder.join(&path) };
    let text = std::fs::read_to_string(&from)
        .with_context(|| format!("cannot read the run's pipeline {}", from.display()))?;
    if record.folder.is_dir() {
        std::env::set_current_dir(&record.folder)
            .with_context(|| format!("cannot enter the folder {}", record.folder.display()))?;
    }
    let sets = sets.iter().map(|set| of_folder(&here, set));
    let sets: Vec<String> = record.sets.iter().cloned().chain(sets).collect();
    let pipeline = Pipeline::parse(&text, &path, &sets)?;
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let context = Context::new(pipeline, run_dir.clone(), folder, Box::new(notice));
    let context = context.map_err(|error| {
        UsageError(format!(
            "{error}\n  if the model was moved after the run, name its new folder: --set model.path=…"
        ))
    })?;
    Ok(OpenRun { context: Arc::new(context), run_dir, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_on_the_command_line_is_of_the_current_folder() {
        let made = |set: &str| of_folder(Path::new("/here"), set);
        assert_eq!(made("model.path=models/demo"), "model.path=/here/models/demo");
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
