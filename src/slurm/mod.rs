//! A run as Slurm batch jobs: settings in, text out; nothing is written or submitted here.
//!
//! Stages that want a card and stages that do not are jobs of their own, chained by dependencies; each job is an array whose
//! tasks are the workers of one run directory ([`jobs`]). What a job of the chain finds undone it says by itself, so a job
//! waits only for the end of the one before, however that came (`afterany`).

mod chain;
mod quote;
mod request;
mod script;
mod submit;

pub use chain::{Array, DEFAULT_MAX_ARRAY_SIZE, Job, jobs, max_array_size};
pub use quote::{Unquotable, shell};
pub use request::{Request, Resources};
pub use script::script;
pub use submit::{SUBMIT, submission};
