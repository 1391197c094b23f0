//! Input that is wrong or means harm is skipped, counted and named; it never becomes a path, a crash or silence.

mod bad_samples;
mod names;
mod reported_files;
