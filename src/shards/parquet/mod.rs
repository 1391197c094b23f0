//! Parquet files of images: a row is a sample.
//!
//! Row groups are read page by page and decoded a few rows at once, of the columns that are wanted alone.

mod columns;
mod features;
mod keys;
mod members;
mod ranges;
mod reader;
mod sound;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod wanted;
mod window;

pub(super) use reader::{TableReader, Which};
pub(super) use table::{Table, is_parquet};
