//! Core Distribution Alignment (CoDA, arXiv 2512.03844): a labelled image data set distilled to a few images per class,
//! with an off-the-shelf text-to-image model and no training.
//!
//! [`Pipeline`] runs a whole distillation as the program `coda-pipe` does:
//!
//! ```no_run
//! let pipeline = coda_pipe::Pipeline::from_toml("pipelines/imagenet.toml")?;
//! let summary = pipeline.run(&coda_pipe::Stop::default())?;
//! println!("{} images in {}", summary.images, summary.distilled.display());
//! # Ok::<(), coda_pipe::PipelineError>(())
//! ```
//!
//! Its parts can be used by themselves:
//!
//! - [`shards`] reads and writes WebDataset tar shards; `examples/read_shards.rs`.
//! - [`discovery`] finds the cores of a class in any table of features; `examples/find_cores.rs`.
//! - [`models`] opens a text-to-image model exported to ONNX and samples images; `examples/sample_image.rs`.
//! - [`onnx`] finds and loads ONNX Runtime, and runs graphs on its devices.
//!
//! `ARCHITECTURE.md` in the repository is the map of the rest.

mod arrays;
#[doc(hidden)]
pub mod cli;
mod colors;
mod config;
pub mod discovery;
mod engine;
mod estimate;
mod hub;
mod imaging;
mod inspect;
mod library;
mod linalg;
mod messages;
pub mod models;
mod objects;
pub mod onnx;
mod pack;
mod panics;
mod pipeline;
mod probe;
mod quality;
mod run;
pub mod shards;
mod similarity;
mod slurm;
mod store;
mod survey;
mod text;
mod threads;

pub use library::{Pipeline, PipelineError, Stop, Summary};

/// What the tests, benchmarks and examples of this repository call beside the library. It changes without notice.
#[doc(hidden)]
pub mod internals {
    pub mod arrays {
        pub use crate::arrays::*;
    }
    pub mod config {
        pub use crate::config::*;
    }
    pub mod discovery {
        pub use crate::discovery::knn_query::*;
        pub use crate::linalg::knn::{Neighbors, exact};
        pub mod cascade {
            pub use crate::discovery::cascade::*;
        }
        pub mod hdbscan {
            pub use crate::discovery::hdbscan::*;
        }
        pub mod hnsw {
            pub use crate::discovery::hnsw::*;
        }
        pub mod standardize {
            pub use crate::discovery::standardize::*;
        }
        pub mod umap {
            pub use crate::discovery::umap::*;
        }
    }
    pub mod engine {
        pub use crate::engine::*;
    }
    pub mod estimate {
        pub use crate::estimate::*;
    }
    #[cfg(feature = "remote")]
    pub mod hub {
        pub use crate::hub::git_digest;
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
