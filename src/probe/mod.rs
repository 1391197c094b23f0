//! What a run will take, before it starts: [`count`] tells what is in the shards, [`probe_files`] how long files come out,
//! [`measure`] how fast the machine is; [`crate::estimate`] computes with it.

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
