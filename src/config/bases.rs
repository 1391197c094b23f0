//! What relative paths are relative to.

use std::path::Path;

/// What relative paths of a setting are relative to: the folder of the file, or for a flag the current one.
#[derive(Debug, Clone, Copy)]
pub struct Bases<'a> {
    /// The pipeline file's folder.
    pub file: &'a Path,
    /// The current directory, for `--set`.
    pub flag: &'a Path,
}
