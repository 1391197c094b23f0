//! The stages of a run, a folder each: they read the store, call the rooms that compute, and write the store. No
//! arithmetic here, no checkpoint code either (that is [`crate::engine`]'s).

pub(crate) mod anchor;
pub(crate) mod assemble;
pub(crate) mod context;
pub(crate) mod core_images;
pub(crate) mod discover;
pub(crate) mod encode;
pub(crate) mod encoded;
pub(crate) mod error;
pub(crate) mod fetch;
pub(crate) mod generate;
pub(crate) mod latents;
pub(crate) mod model;
pub(crate) mod model_check;
pub(crate) mod model_files;
pub(crate) mod model_reading;
pub(crate) mod purity;
pub(crate) mod sources;

pub use context::Context;
pub use error::StageError;

#[cfg(test)]
mod growth_tests;
