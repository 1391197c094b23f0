//! What can be wrong with a pipeline file, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was given: it decides what an error points at and what relative paths are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Line and column (from 1) in the pipeline file.
    File {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// A `--set key=value` argument.
    Flag,
    /// Not given at all.
    Absent,
}

/// One thing wrong with a pipeline, with a hint where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why a pipeline could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the pipeline file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file was read and is wrong, in all these places.
    #[error("{}", render(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything found, in the file's order.
        problems: Vec<Problem>,
    },
}

fn render(path: &std::path::Path, problems: &[Problem]) -> String {
    let count = problems.len();
    let mut text = format!(
        "{} in the pipeline {}:",
        if count == 1 { "an error".into() } else { format!("{count} errors") },
        path.display()
    );
    for problem in problems {
        text.push_str(&format!("\n  {}{}", Place(path, &problem.origin), problem.message));
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("\n    hint: {hint}"));
        }
    }
    text
}

struct Place<'a>(&'a std::path::Path, &'a Origin);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Origin::File { line, column } => write!(f, "{}:{line}:{column}: ", self.0.display()),
            Origin::Flag => write!(f, "--set: "),
            Origin::Absent => Ok(()),
        }
    }
}
