//! What is looked at beside a finished run: copies, a report, what the images are worth, how stable the search is.

pub(crate) mod audit;
pub(crate) mod class_major;
pub(crate) mod evaluate;
pub mod page;
pub(crate) mod report;
pub(crate) mod stability;

/// The folders of a run directory that these commands write. Anyone may delete them.
pub const FOLDERS: [&str; 4] = ["audit", "report", "evaluate", "stability"];

pub use audit::command::{audit, audit_threshold};
pub use evaluate::evaluate;
pub use report::report;
pub use stability::stability;
