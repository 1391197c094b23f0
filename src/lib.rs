//! Core Distribution Alignment (CoDA, arXiv 2512.03844): a labelled image data set distilled to a few images per class,
//! with an off-the-shelf text-to-image model and no training.
//!
//! The data's way goes left to right: [`shards`] and [`imaging`] read the images, the model of [`diffusion`] encodes
//! them, [`discovery`] finds each class's cores, and [`diffusion`] again generates an image towards each of them.
//! [`stages`] are those steps over a run directory ([`store`]), run by [`dataflow`]. `ARCHITECTURE.md` is the map.

pub mod arrays;
pub mod config;
pub mod dataflow;
pub mod diffusion;
pub mod discovery;
pub mod features;
pub mod forecast;
pub mod imaging;
pub(crate) mod linalg;
pub mod messages;
mod objects;
pub mod onnx;
pub mod pack;
pub mod quality;
pub mod report;
pub mod shards;
pub mod similarity;
pub mod slurm;
pub mod stages;
pub mod store;
pub mod text;
pub mod threads;
