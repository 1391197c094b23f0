//! Other programs and we agree: on tars, images, tables and data loaders.

mod data_loaders;
mod image_decoders;
pub mod tables;
mod tar_writers;
