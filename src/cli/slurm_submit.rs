//! Slurm's own commands, for `coda-pipe slurm`.

use crate::slurm;
use crate::slurm::{DEFAULT_MAX_ARRAY_SIZE, SUBMIT};
use anyhow::{Context as _, bail};
use serde::Serialize;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

/// An array that is in the queue now.
#[derive(Debug, Serialize)]
pub(super) struct Submitted {
    /// The job's name.
    pub(super) job: String,
    /// Slurm's number for it.
    pub(super) id: String,
}

/// The site's limit; Slurm's default where Slurm can't be asked.
pub(super) fn max_array_size() -> usize {
    let answer = Command::new("scontrol").args(["show", "config"]).stderr(Stdio::null()).output();
    let found = answer.ok().filter(|answer| answer.status.success());
    let found =
        found.and_then(|answer| slurm::max_array_size(&String::from_utf8_lossy(&answer.stdout)));
    found.unwrap_or_else(|| {
        crate::say!(
            "MaxArraySize is unknown (no answer from scontrol): {DEFAULT_MAX_ARRAY_SIZE} is assumed"
        );
        DEFAULT_MAX_ARRAY_SIZE
    })
}

/// Runs the script in `out` that submits the others.
pub(super) fn submit(out: &Path) -> anyhow::Result<Vec<Submitted>> {
    let script = out.join(SUBMIT);
    if let Err(error) = Command::new("sbatch").arg("--version").stdout(Stdio::null()).status()
        && error.kind() == ErrorKind::NotFound
    {
        bail!("sbatch was not found: run bash {} on a machine with Slurm", script.display());
    }
    let output = Command::new("bash")
        .arg(&script)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run bash")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let named = text.lines().filter_map(|line| line.split_once(' '));
    let submitted: Vec<_> =
        named.map(|(job, id)| Submitted { job: job.into(), id: id.into() }).collect();
    if !output.status.success() {
        let before: Vec<_> = submitted.iter().map(|s| format!("{} {}", s.job, s.id)).collect();
        let before = if before.is_empty() { "nothing".to_owned() } else { before.join(", ") };
        bail!("sbatch refused a job; jobs submitted before: {before}");
    }
    Ok(submitted)
}
