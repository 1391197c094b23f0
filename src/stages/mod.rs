//! The stages of a run: they read the store, call the rooms that compute, and write the store. No arithmetic here, no
//! checkpoint code either (that is [`crate::dataflow`]'s).

mod anchor;
mod anchor_device;
mod assemble;
mod assemble_meta;
mod audit;
mod audit_images;
mod audit_run;
mod compact;
mod context;
mod discover;
mod encode;
mod encode_device;
mod encode_inputs;
mod encode_part;
mod encode_pool;
mod encode_read;
mod encoded;
mod error;
mod evaluate;
mod fetch;
mod generate;
mod generate_device;
mod generate_files;
mod latents;
mod left_out;
mod model;
mod model_check;
mod model_files;
mod model_reading;
mod originals;
mod outdated;
mod planning;
mod preview;
mod prompts;
mod purity;
mod reopen;
mod report;
mod report_class;
mod report_head;
mod report_pictures;
mod report_secrets;
mod run;
mod sources;
mod stability;
mod step;
mod walk;

pub use audit_run::{audit, audit_threshold};
pub use context::Context;
pub use error::StageError;
pub use evaluate::{ClassResult, Evaluation, Question, SetResult, evaluate};
pub use planning::{Forecast, forecast};
pub use reopen::{reopen, require};
pub use report::{Reporting, report};
pub use run::{RunOutcome, STAGES, StageRange, dry_run, purpose, run};
pub use stability::{Changes, ClassStability, Stability, stability};

#[cfg(test)]
mod growth_tests;
