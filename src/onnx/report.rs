//! What a search for ONNX Runtime looked at, found and chose.

use std::fmt;
use std::path::{Path, PathBuf};

/// The oldest release line that works, as in 1.17.
pub const MINIMUM_MINOR: u32 = 17;

/// Environment variable that names the library; shared with other ONNX Runtime programs.
pub(super) const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// A kind of place, in the order they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The pipeline's settings.
    Setting,
    /// The variable `ORT_DYLIB_PATH`.
    Environment,
    /// A folder `.onnxruntime` here or above.
    Checkout,
    /// The program's own folder.
    Executable,
    /// The Python environment that the program was installed into.
    Own,
    /// An installed Python package.
    Python,
    /// The system's library folders.
    System,
}

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Usable: ONNX Runtime 1.`minor`.
    Chosen {
        /// The release line.
        minor: u32,
    },
    /// Loadable, but older than 1.[`MINIMUM_MINOR`].
    TooOld {
        /// The release line.
        minor: u32,
    },
    /// Nothing there.
    Missing,
    /// There, but it can't be loaded, for this reason.
    Unloadable(String),
    /// The place itself couldn't be looked at, for this reason.
    Skipped(String),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The kind of place.
    pub place: Place,
    /// The file or folder; empty where the place has none.
    pub path: PathBuf,
    /// What was found.
    pub outcome: Outcome,
}

/// Everything that was looked at, and the library chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order tried.
    pub tried: Vec<Tried>,
    /// The usable library, if any.
    pub chosen: Option<PathBuf>,
    /// Whether the program was installed as a Python package, so that its packages are the cure.
    pub by_wheel: bool,
}

impl Report {
    /// The kind of place of the chosen library.
    pub fn place(&self) -> Option<Place> {
        let chosen = |tried: &&Tried| matches!(tried.outcome, Outcome::Chosen { .. });
        self.tried.iter().find(chosen).map(|tried| tried.place)
    }

    /// Records a judged file; true when it is now the chosen one.
    pub(super) fn settle(&mut self, place: Place, path: &Path, outcome: Outcome) -> bool {
        let usable = matches!(outcome, Outcome::Chosen { .. });
        if usable {
            self.chosen = Some(path.to_path_buf());
        }
        self.tried.push(Tried { place, path: path.to_path_buf(), outcome });
        usable
    }
}

impl Place {
    /// True for places that a user named; nothing else is tried then.
    fn is_explicit(self) -> bool {
        matches!(self, Self::Setting | Self::Environment)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting => "the pipeline's settings",
            Self::Environment => LIBRARY_VARIABLE,
            Self::Checkout => "the checkout",
            Self::Executable => "the program's folder",
            Self::Own => "the program's Python environment",
            Self::Python => "Python",
            Self::System => "the system",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen { minor } => write!(f, "ONNX Runtime 1.{minor}, used"),
            Self::TooOld { minor } => {
                write!(f, "ONNX Runtime 1.{minor}, older than 1.{MINIMUM_MINOR}")
            }
            Self::Missing => f.write_str("no library there"),
            Self::Unloadable(reason) => write!(f, "not loadable: {reason}"),
            Self::Skipped(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.as_os_str().is_empty() {
            write!(f, "{}: {}", self.place, self.outcome)
        } else {
            write!(f, "{}: {}: {}", self.place, self.path.display(), self.outcome)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.chosen.is_none() {
            writeln!(f, "no usable ONNX Runtime (1.{MINIMUM_MINOR} or later) was found:")?;
        }
        for tried in &self.tried {
            writeln!(f, "  - {tried}")?;
        }
        if self.chosen.is_none() {
            if self.tried.iter().any(|tried| tried.place.is_explicit()) {
                f.write_str("Correct that path, or take it away to have other places searched. ")?;
            }
            f.write_str(match self.by_wheel {
                true => {
                    "install one beside the program: pip install 'coda-pipe[cpu]' \
                     (for NVIDIA cards 'coda-pipe[gpu]')"
                }
                false => {
                    "`make runtime` puts one in place, and so does: \
                     pip install --target .onnxruntime onnxruntime==1.24.4"
                }
            })?;
        }
        Ok(())
    }
}
