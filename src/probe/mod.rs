//! Finds the inputs of an estimate: [`count`] counts the shards' images, [`probe_files`] measures file sizes, [`measure`] the
//! machine's speed; [`crate::estimate`] computes with them.

mod count;
mod estimate;
mod footprint;
mod measure;
mod measure_compact;
mod measure_discovery;
mod measure_encoders;
mod measure_model;
mod pictures;
mod probe_files;
mod probe_folder;
mod probe_sets;
mod timing;

pub use estimate::{Forecast, forecast};
