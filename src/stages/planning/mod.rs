//! What a run will take, before it starts: [`count`] tells what is in the shards, [`trial_files`] how long files come out,
//! [`measure`] how fast the machine is; [`crate::forecast`] computes with it.

mod count;
mod estimate;
mod footprint;
mod measure;
mod measure_discovery;
mod measure_encoders;
mod measure_model;
mod pictures;
mod stopwatch;
mod trial_files;
mod trial_folder;
mod trial_sets;

pub use estimate::{Forecast, forecast};
