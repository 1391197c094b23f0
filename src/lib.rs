//! Core Distribution Alignment (CoDA, arXiv 2512.03844): a labelled image data set distilled to a few images per class,
//! with an off-the-shelf text-to-image model and no training.
//!
//! The data's way goes left to right: [`shards`] and [`imaging`] read the images, the model of [`models`] encodes
//! them, [`discovery`] finds each class's cores, and [`models`] again generates an image towards each of them.
//! [`stages`] are those steps over a run directory ([`store`]), run by [`dataflow`]. `ARCHITECTURE.md` is the map.

pub mod arrays;
pub mod audit;
pub mod config;
pub mod dataflow;
pub mod discovery;
pub mod forecast;
pub mod imaging;
pub mod messages;
pub mod models;
mod objects;
pub mod onnx;
pub mod pack;
pub mod quality;
pub mod report;
pub mod shards;
pub mod slurm;
pub mod stages;
pub mod store;
pub mod text;
pub mod threads;
