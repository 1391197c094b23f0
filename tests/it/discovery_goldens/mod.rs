//! Core discovery against the published program's numbers, and against its own promises.

mod cascade;
mod golden;
mod hdbscan;
mod index;
mod properties;
mod umap;
