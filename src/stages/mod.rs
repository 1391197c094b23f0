//! The stages of a run: they read the store, call the rooms that compute, and write the store. No arithmetic here, no
//! checkpoint code either (that is [`crate::dataflow`]'s).

mod anchor;
mod anchor_device;
mod assemble;
mod assemble_meta;
mod audit;
mod audit_images;
mod audit_run;
mod context;
mod discover;
mod encode;
mod encode_device;
mod encode_part;
mod encode_read;
mod error;
mod fetch;
mod generate;
mod generate_device;
mod latents;
mod left_out;
mod model;
mod originals;
mod outdated;
mod planning;
mod preview;
mod purity;
mod report;
mod report_class;
mod report_head;
mod report_pictures;
mod run;
mod sources;
mod step;
mod walk;

pub use audit_run::{audit, audit_threshold};
pub use context::Context;
pub use error::StageError;
pub use planning::{Forecast, forecast};
pub use report::{Reporting, report};
pub use run::{RunOutcome, STAGES, StageRange, dry_run, run};
