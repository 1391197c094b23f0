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

pub use chain::{
    ASSEMBLE, DEFAULT_MAX_ARRAY_SIZE, DISCOVER, ENCODE, GENERATE, Job, JobKind, job_names, jobs,
    max_array_size,
};
pub use quote::shell;
pub use request::{Request, Resources};
pub use script::script;
pub use submit::{SUBMIT, submission};
