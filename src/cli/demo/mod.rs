//! `coda-pipe demo`.

mod files;

use super::exit::{Exit, UsageError};
use super::run::Run;
use super::whole_file::write_whole;
use anyhow::Context as _;
use clap::Args;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// What the demo is.
const HELP: &str = "\
The data are 4,000 handwritten digits, the model is a miniature SDXL; both lie in the program. The run takes half a minute
on two cores. The same command continues an interrupted run. A file that is there and differs is left alone, and refused.";

/// Write a small pipeline with data and a model, and run it.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Demo {
    /// The folder for the files and the run
    #[arg(default_value = "coda-demo", value_name = "DIR")]
    folder: PathBuf,
    /// Write the files, and do not run the pipeline
    #[arg(long)]
    no_run: bool,
    /// The device: auto, cpu, cuda, cuda:N or a list of these
    #[arg(long, value_name = "DEVICE", conflicts_with = "no_run")]
    device: Option<String>,
    /// Override a setting, as for `run`
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "no_run")]
    sets: Vec<String>,
    /// Remove and redo results of other settings
    #[arg(long, conflicts_with = "no_run")]
    force: bool,
    /// Print the run's summary as JSON on stdout
    #[arg(long, conflicts_with = "no_run")]
    json: bool,
}

impl Demo {
    /// Writes the files and runs the pipeline.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        write_files(&self.folder)?;
        let pipeline = self.folder.join(files::PIPELINE_NAME);
        if self.no_run {
            crate::say!("run the demo: coda-pipe run {}", pipeline.display());
            return Ok(Exit::Done);
        }
        let device = self.device.map(|device| format!("runtime.devices={device}"));
        let sets = device.into_iter().chain(self.sets).collect();
        let mut run = Run::of(pipeline, sets);
        (run.force, run.json) = (self.force, self.json);
        let exit = run.run()?;
        let run_dir = self.folder.join("runs/demo");
        crate::say!(
            "\nlook at every class:    coda-pipe report {}\n\
             begin with your images: coda-pipe init FOLDER, or shards, Parquet files, hf://datasets/OWNER/NAME",
            run_dir.display()
        );
        Ok(exit)
    }

    /// Whether the command runs the pipeline.
    pub(super) fn is_a_run(&self) -> bool {
        !self.no_run
    }
}

/// Writes what is not there yet. A file that differs, which somebody has changed, refuses all before anything is written.
fn write_files(folder: &Path) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut changed = Vec::new();
    for (name, content) in files::all() {
        let path = folder.join(name);
        match state(&path, &content)? {
            State::Missing => missing.push((path, content)),
            State::Changed => changed.push(path.display().to_string()),
            State::Same => {}
        }
    }
    if !changed.is_empty() {
        let changed = changed.join(", ");
        let folder = folder.display();
        return Err(UsageError(format!(
            "{changed}: not the demo's file of this version; remove it, or name another folder than {folder}"
        ))
        .into());
    }
    write_missing(folder, &missing)
}

fn write_missing(folder: &Path, missing: &[(PathBuf, Cow<'_, [u8]>)]) -> anyhow::Result<()> {
    for (path, content) in missing {
        write_whole(path, content)?;
    }
    if !missing.is_empty() {
        crate::say!("wrote the demo's pipeline, data and model into {}", folder.display());
    }
    Ok(())
}

/// What is at the place of a file.
enum State {
    Missing,
    Same,
    Changed,
}

fn state(path: &Path, content: &[u8]) -> anyhow::Result<State> {
    let about = match path.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A link to nothing is somebody's, not an empty place.
            let link = path.symlink_metadata().is_ok();
            return Ok(if link { State::Changed } else { State::Missing });
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    // A pipe is never opened, nor a large file read.
    if !about.is_file() || about.len() != content.len() as u64 {
        return Ok(State::Changed);
    }
    let there = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(if there == content { State::Same } else { State::Changed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_kept_and_nothing_is_written_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("new/demo");
        write_files(&folder).unwrap();
        let classes = folder.join("demo/classes.txt");
        let written = std::fs::read(&classes).unwrap();
        // As after a kill: what is missing is written again, what is there stays.
        std::fs::remove_file(&classes).unwrap();
        write_files(&folder).unwrap();
        assert_eq!(std::fs::read(&classes).unwrap(), written);

        std::fs::write(&classes, "mine").unwrap();
        std::fs::remove_file(folder.join("demo.toml")).unwrap();
        let message = write_files(&folder).unwrap_err().to_string();
        assert!(message.contains("demo/classes.txt"), "{message}");
        assert_eq!(std::fs::read(&classes).unwrap(), b"mine");
        assert!(!folder.join("demo.toml").exists());
    }
}
