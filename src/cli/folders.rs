//! The folders of a run directory.

use crate::inspect::FOLDERS;
use crate::pipeline::{result_folders, view_folders};

/// All folders that a run, and the commands that look back at it, write.
pub(super) fn folders() -> Vec<&'static str> {
    result_folders().into_iter().chain(view_folders()).chain(FOLDERS).collect()
}
