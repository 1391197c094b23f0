//! What is looked at beside a finished run: copies, a report, what the images are worth, how stable the search is.

pub(crate) mod audit;
pub(crate) mod class_major;
pub(crate) mod evaluate;
pub(crate) mod export;
pub mod page;
pub(crate) mod report;
pub(crate) mod stability;

/// The folders of a run directory that these commands write. Anyone may delete them.
const FOLDERS: [&str; 4] = ["audit", "report", "evaluate", "stability"];

/// All folders of a run directory: those that a run writes, and those of these commands.
pub fn run_folders() -> Vec<&'static str> {
    result_folders().into_iter().chain(view_folders()).chain(FOLDERS).collect()
}

pub use audit::command::{audit, audit_threshold};
pub use evaluate::evaluate;
pub use report::report;
pub use stability::stability;

use crate::pipeline::{result_folders, view_folders};
