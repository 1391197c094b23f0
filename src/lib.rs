//! Core Distribution Alignment (CoDA, arXiv 2512.03844): a labelled image data set distilled to a few images per class,
//! with an off-the-shelf text-to-image model and no training.
//!
//! The data's way goes left to right: [`shards`] and `imaging` read the images, the model of [`models`] encodes
//! them, [`discovery`] finds each class's cores, and [`models`] again generates an image towards each of them.
//! `pipeline` holds those steps over a run directory (`store`), run by `engine`. `ARCHITECTURE.md` is the map.

mod arrays;
#[doc(hidden)]
pub mod cli;
mod config;
pub mod discovery;
mod engine;
mod estimate;
mod imaging;
mod inspect;
mod messages;
pub mod models;
mod objects;
pub mod onnx;
mod pack;
mod pipeline;
mod probe;
mod quality;
mod run;
pub mod shards;
mod similarity;
mod slurm;
mod store;
mod text;
mod threads;

/// What the tests, benchmarks and examples of this repository call beside the library. It changes without notice.
#[doc(hidden)]
pub mod internals {
    pub mod arrays {
        pub use crate::arrays::*;
    }
    pub mod config {
        pub use crate::config::*;
    }
    pub mod engine {
        pub use crate::engine::*;
    }
    pub mod estimate {
        pub use crate::estimate::*;
    }
    pub mod imaging {
        pub use crate::imaging::*;
    }
    pub mod pipeline {
        pub use crate::pipeline::stages_to_do;
    }
    pub mod quality {
        pub use crate::quality::*;
    }
    pub mod store {
        pub use crate::store::*;
    }
}
