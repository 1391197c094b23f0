//! `anchor/CLASS.parquet`: the latent that each distilled image is pulled towards.

use super::columns::{Columns, described, read_all, write_all};
use super::latent_format::LatentFormat;
use crate::store::{StoreError, Written};
use arrow::array::{FixedSizeBinaryArray, RecordBatch, StringArray, UInt32Array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

/// The anchors of one class, by rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchors {
    /// Sample keys.
    pub keys: Vec<String>,
    /// Shards, as the pipeline names them.
    pub shards: Vec<String>,
    /// Latents, one after the other, as stored.
    pub latents: Vec<u8>,
    /// What the bytes of a latent mean.
    pub format: LatentFormat,
}

impl Anchors {
    /// The latent of `rank`, channels × height × width.
    pub fn latent(&self, rank: usize) -> Vec<f32> {
        let width = self.format.bytes();
        self.latents.get(rank * width..(rank + 1) * width).map_or_else(Vec::new, |raw| {
            let mut values = Vec::new();
            self.format.decode(raw, &mut values);
            values
        })
    }
}

/// Writes the anchors of `class`.
///
/// # Errors
/// If the file can't be written.
pub fn write_anchors(
    path: &Path,
    root: &Path,
    class: &str,
    anchors: &Anchors,
) -> Result<Written, StoreError> {
    let width = i32::try_from(anchors.format.bytes()).map_err(StoreError::table(path))?;
    let schema = Schema::new(vec![
        Field::new("rank", DataType::UInt32, false),
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("latent", DataType::FixedSizeBinary(width), false),
    ]);
    let mut metadata = anchors.format.metadata();
    metadata.push(("coda.class", class.to_owned()));
    let latents =
        FixedSizeBinaryArray::try_new(width, Buffer::from_vec(anchors.latents.clone()), None)
            .map_err(StoreError::table(path))?;
    let batch = RecordBatch::try_new(
        described(schema, "anchors", &metadata),
        vec![
            Arc::new(UInt32Array::from_iter_values(0..anchors.keys.len() as u32)),
            Arc::new(StringArray::from_iter_values(&anchors.keys)),
            Arc::new(StringArray::from_iter_values(&anchors.shards)),
            Arc::new(latents),
        ],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_anchors`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_anchors(path: &Path) -> Result<Anchors, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    Ok(Anchors {
        keys: columns.strings("key")?,
        shards: columns.strings("shard")?,
        latents: columns.bytes("latent")?.to_vec(),
        format: LatentFormat::from_metadata(batch.schema().metadata())
            .map_err(StoreError::table(path))?,
    })
}
