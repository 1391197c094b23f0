//! The Python environment of an export: made once, kept in the user's folder of caches.

use super::recipe::{self, PYTHONS, Step};
use crate::store::AtomicFile;
use anyhow::{Context as _, anyhow, bail};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use xxhash_rust::xxh3::xxh3_64;

/// The file that says that an environment is whole, and what is in it.
const READY: &str = "coda-pipe-ready";

/// An environment, and the commands that make it; none where it is whole or somebody's own.
pub(super) struct Environment {
    pub(super) python: PathBuf,
    pub(super) steps: Vec<Step>,
    /// Its folder, and what is in it, where it is ours.
    own: Option<(PathBuf, String)>,
}

impl Environment {
    /// The environment of the interpreter `given`, or ours with torch from `index`.
    pub(super) fn choose(given: Option<&Path>, index: &str) -> anyhow::Result<Self> {
        if let Some(python) = given {
            return Ok(Self { python: python.to_path_buf(), steps: Vec::new(), own: None });
        }
        let packages = recipe::packages(index);
        let caches = caches().context(
            "no folder for caches: set HOME or XDG_CACHE_HOME, or name a Python by --python",
        )?;
        let folder = caches.join(format!("coda-pipe/export-{:016x}", xxh3_64(packages.as_bytes())));
        let ready = std::fs::read_to_string(folder.join(READY)).is_ok_and(|text| text == packages);
        let python = recipe::interpreter(&folder);
        if ready && python.exists() {
            return Ok(Self { python, steps: Vec::new(), own: None });
        }
        let uv = on_path("uv");
        let base = if uv.is_some() { PathBuf::from("python3") } else { suitable_python()? };
        let steps = recipe::environment(&folder, uv.as_deref(), &base, index);
        Ok(Self { python, steps, own: Some((folder, packages)) })
    }

    /// Makes the environment, if it has to be made. An unfinished one is begun anew.
    pub(super) fn make(&self) -> anyhow::Result<()> {
        let Some((folder, packages)) = &self.own else { return Ok(()) };
        if folder.exists() {
            std::fs::remove_dir_all(folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        let above = folder.parent().unwrap_or(folder);
        std::fs::create_dir_all(above)
            .with_context(|| format!("cannot make {}", above.display()))?;
        for step in &self.steps {
            run(step).map_err(|error| {
                anyhow!(
                    "{error}; the packages come from the network: see whether it can be reached, try --torch-index default \
                     (the registry's torch, with CUDA), or name a Python that has optimum-onnx and diffusers by --python"
                )
            })?;
        }
        let marker = folder.join(READY);
        let mut file = AtomicFile::create(&marker)?;
        file.write_all(packages.as_bytes())
            .with_context(|| format!("cannot write {}", marker.display()))?;
        file.publish(&marker)?;
        Ok(())
    }

    /// The folder that is to be written to, if any.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.own.as_ref().map(|(folder, _)| folder.as_path())
    }
}

/// Runs a command; all that it prints goes to our stderr.
pub(super) fn run(step: &Step) -> anyhow::Result<()> {
    crate::say!("{}: {}", step.what, step.line());
    let ours = std::io::stderr().as_fd().try_clone_to_owned().context("stderr is closed")?;
    let status = command(step).stdout(Stdio::from(ours)).status();
    let status = status.map_err(|error| not_started(step, &error))?;
    if !status.success() {
        bail!("{} ended with {status}; its own words are above", step.program.display());
    }
    Ok(())
}

/// Runs a command and answers with the last line that it prints.
pub(super) fn answer(step: &Step) -> anyhow::Result<String> {
    crate::say!("{}", step.what);
    let output = command(step).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| not_started(step, &error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default().trim().to_owned();
    if !output.status.success() || last.is_empty() {
        bail!(
            "{} ended with {}; its own words are above: is the model's name right, can the hub be reached, and does a gated \
             model have its HF_TOKEN?",
            step.program.display(),
            output.status
        );
    }
    Ok(last)
}

/// A command without the settings of other Pythons.
fn command(step: &Step) -> Command {
    let mut command = Command::new(&step.program);
    command.args(&step.arguments).stdin(Stdio::null());
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONNOUSERSITE", "1");
    command
}

fn not_started(step: &Step, error: &std::io::Error) -> anyhow::Error {
    anyhow!("{} could not be started: {error}", step.program.display())
}

/// A Python of a version that the packages exist for.
fn suitable_python() -> anyhow::Result<PathBuf> {
    let named = PYTHONS.rev().map(|minor| (format!("python3.{minor}"), Some(minor)));
    for (name, _) in std::iter::once(("python3".to_owned(), None)).chain(named) {
        let Some(path) = on_path(&name) else { continue };
        if minor_of(&path).is_some_and(|minor| PYTHONS.contains(&minor)) {
            return Ok(path);
        }
    }
    bail!(
        "neither uv nor a Python 3.{} to 3.{} is on PATH: install one of them (the Python packages need it; coda-pipe itself \
         does not), or name a Python that has optimum-onnx and diffusers by --python",
        PYTHONS.start(),
        PYTHONS.end()
    )
}

/// The minor version of a Python 3.
fn minor_of(python: &Path) -> Option<u32> {
    let print = "import sys, ensurepip, venv; print(sys.version_info[1])";
    let output = Command::new(python).args(["-c", print]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// The program `name` in the folders of `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The user's folder of caches.
fn caches() -> Option<PathBuf> {
    let folder = |name: &str| {
        let named = PathBuf::from(std::env::var_os(name)?);
        named.is_absolute().then_some(named)
    };
    folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))
}
