//! Finding the ONNX Runtime shared library.
//!
//! Places are tried in a fixed order and every finding is kept, because "library not found" is
//! the first error that most newcomers meet and must explain itself. A library named by the
//! settings or the environment is final: when it is unusable, using another one would hide that.

use std::error::Error;
use std::path::{Path, PathBuf};

use ort::LoadDynamicError;

use super::environment::Environment;
use super::error::OnnxError;
use super::files::libraries_under;
use super::python;
use super::report::{LIBRARY_VARIABLE, MINIMUM_MINOR, Outcome, Place, Report};

/// Folder of a checkout that `make runtime` fills.
const CHECKOUT_FOLDER: &str = ".onnxruntime";

/// How deep below [`CHECKOUT_FOLDER`] the library may lie: `onnxruntime/capi/` is two levels.
const CHECKOUT_DEPTH: usize = 4;

/// What a caller knows about where the library could be.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The library's path from the pipeline's settings.
    pub setting: Option<PathBuf>,
    /// The pipeline file's folder: `.onnxruntime` is looked for there and upward.
    pub pipeline_folder: Option<PathBuf>,
}

/// The places of one machine and process, apart from [`locate`] so that tests can make up others.
pub struct Surroundings {
    /// Path from the settings.
    pub setting: Option<PathBuf>,
    /// Path from `ORT_DYLIB_PATH`.
    pub environment: Option<PathBuf>,
    /// Folders from which `.onnxruntime` is searched upward.
    pub starts: Vec<PathBuf>,
    /// The program's folder.
    pub executable_folder: Option<PathBuf>,
    /// The Python environment that the program was installed into.
    pub own: Environment,
    /// Folders of Python's `onnxruntime` package, asked only when needed.
    pub python: fn() -> Result<Vec<PathBuf>, String>,
    /// The system's library folders.
    pub library_folders: Vec<PathBuf>,
    /// Names left to the dynamic linker's own search.
    pub bare_names: Vec<PathBuf>,
}

impl Surroundings {
    /// The places of this process.
    pub fn of_process(search: &Search) -> Self {
        let starts = search.pipeline_folder.clone().into_iter().chain(std::env::current_dir().ok());
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut library_folders: Vec<PathBuf> = variable("LD_LIBRARY_PATH")
            .map(|folders| std::env::split_paths(&folders).collect())
            .unwrap_or_default();
        let common = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu"];
        library_folders.extend(common.map(PathBuf::from));
        library_folders.push("/opt/onnxruntime/lib".into());
        let executable_folder = executable_folder();
        Self {
            setting: search.setting.clone(),
            environment: variable(LIBRARY_VARIABLE).map(PathBuf::from),
            starts: starts.filter_map(|folder| folder.canonicalize().ok()).collect(),
            own: executable_folder.as_deref().map(Environment::of).unwrap_or_default(),
            executable_folder,
            python: || python::package_folders("onnxruntime"),
            library_folders,
            bare_names: ["libonnxruntime.so", "libonnxruntime.so.1"].map(PathBuf::from).into(),
        }
    }

    fn checkouts(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in self.starts.iter().flat_map(|start| start.ancestors()) {
            let checkout = folder.join(CHECKOUT_FOLDER);
            if checkout.is_dir() && !found.contains(&checkout) {
                found.push(checkout);
            }
        }
        found
    }
}

/// The folder of the program's file, links followed.
fn executable_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.parent().map(Path::to_path_buf)
}

/// Folders `nvidia` of the Python environment that the program was installed into.
pub(super) fn own_nvidia_roots() -> Vec<PathBuf> {
    let own = executable_folder().as_deref().map(Environment::of).unwrap_or_default();
    own.packages.iter().map(|folder| folder.join("nvidia")).collect()
}

/// Looks for a usable library. Nothing is loaded for good.
pub fn locate(search: &Search) -> Report {
    locate_among(&Surroundings::of_process(search), &probe)
}

/// [`locate`] with the places given. `probe` opens one file and tells its release line.
pub fn locate_among(around: &Surroundings, probe: &dyn Fn(&Path) -> Result<u32, String>) -> Report {
    let report = Report { by_wheel: around.own.by_wheel, ..Report::default() };
    let mut hunt = Hunt { probe, report };
    hunt.run(around);
    hunt.report
}

impl Report {
    /// The chosen library, or this report as an error.
    ///
    /// # Errors
    /// [`OnnxError::NoLibrary`] when nothing usable was found.
    pub fn into_library(self) -> Result<PathBuf, OnnxError> {
        match self.chosen {
            Some(path) => Ok(path),
            None => Err(OnnxError::NoLibrary(self)),
        }
    }
}

/// A search under way. Its methods are true once a library is chosen.
struct Hunt<'a> {
    probe: &'a dyn Fn(&Path) -> Result<u32, String>,
    report: Report,
}

impl Hunt<'_> {
    fn run(&mut self, around: &Surroundings) -> bool {
        if let Some(path) = &around.setting {
            return self.named(Place::Setting, &absolute(path));
        }
        if let Some(path) = &around.environment {
            return self.named(Place::Environment, &absolute(path));
        }
        let program = &around.executable_folder;
        self.checkouts(&around.checkouts())
            || program.iter().any(|at| self.folder(Place::Executable, at, 0))
            || self.own(&around.own)
            || self.python(around.python)
            || around.library_folders.iter().any(|at| self.folder(Place::System, at, 0))
            || around.bare_names.iter().any(|name| self.candidate(Place::System, name))
    }

    fn checkouts(&mut self, folders: &[PathBuf]) -> bool {
        if folders.is_empty() {
            let reason = format!("no folder {CHECKOUT_FOLDER} here or above");
            return self.report.settle(Place::Checkout, Path::new(""), Outcome::Skipped(reason));
        }
        folders.iter().any(|at| self.folder(Place::Checkout, at, CHECKOUT_DEPTH))
    }

    /// The environment that the program is in comes before the one that is active.
    fn own(&mut self, own: &Environment) -> bool {
        let packages = own.packages.iter().map(|folder| folder.join("onnxruntime/capi"));
        let mut folders = packages.chain(own.libraries.clone());
        folders.any(|at| self.folder(Place::Own, &at, 0))
    }

    fn python(&mut self, ask: fn() -> Result<Vec<PathBuf>, String>) -> bool {
        match ask() {
            Ok(folders) => folders.iter().any(|at| self.folder(Place::Python, &at.join("capi"), 0)),
            Err(reason) => {
                let outcome = Outcome::Skipped(reason);
                self.report.settle(Place::Python, Path::new(""), outcome)
            }
        }
    }

    fn folder(&mut self, place: Place, folder: &Path, depth: usize) -> bool {
        let files = libraries_under(folder, depth);
        if files.is_empty() {
            return self.report.settle(place, folder, Outcome::Missing);
        }
        files.iter().any(|file| self.candidate(place, file))
    }

    /// A library, or the folder of one, that the user named.
    fn named(&mut self, place: Place, path: &Path) -> bool {
        if path.is_dir() {
            self.folder(place, path, CHECKOUT_DEPTH)
        } else if path.is_file() {
            self.candidate(place, path)
        } else {
            self.report.settle(place, path, Outcome::Missing)
        }
    }

    fn candidate(&mut self, place: Place, path: &Path) -> bool {
        let outcome = match (self.probe)(path) {
            Ok(minor) if minor >= MINIMUM_MINOR => Outcome::Chosen { minor },
            Ok(minor) => Outcome::TooOld { minor },
            Err(reason) => Outcome::Unloadable(reason),
        };
        self.report.settle(place, path, outcome)
    }
}

/// Relative paths are the user's, so relative to the current folder, not to the program's.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Opens a library just long enough to read its version.
fn probe(path: &Path) -> Result<u32, String> {
    if let Some(minor) = ort::util::probe(path) {
        return Ok(minor);
    }
    // `probe` keeps its reason to itself; the real loader tells it, and fails for the same reason.
    Err(match ort::init_from(path) {
        Ok(_) => "it does not tell its version".to_owned(),
        // Its own message says only that the linker failed, and that one why.
        Err(LoadDynamicError::Dlopen { error, .. }) => {
            error.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
        Err(error) => error.to_string(),
    })
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
