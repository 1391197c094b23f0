//! A run as Slurm batch jobs: settings in, text out; nothing is written or submitted here.
//!
//! Stages with and without GPUs are separate jobs, chained by dependencies; each job is an array whose tasks are the workers of
//! one run directory ([`jobs`]). A job reports unfinished earlier stages itself, so a job waits only for the end of the job
//! before, with any exit code (`afterany`).

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
