//! `embedding.parquet`: every sample of one class in the space that cores were chosen in.

use super::columns::{described, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{
    FixedSizeListArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

/// One embedded sample, without its coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedRow {
    /// Sample key.
    pub key: String,
    /// Shard it came from.
    pub shard: String,
    /// Cluster, or -1 for noise.
    pub label: i32,
    /// Membership probability in the cluster.
    pub probability: f64,
}

/// Writes the embedding of `class`: `coordinates` has `dimensions` values a row.
///
/// # Errors
/// If the file can't be written or the coordinates are not `rows × dimensions`.
pub fn write_embedding(
    path: &Path,
    root: &Path,
    class: &str,
    rows: &[EmbeddedRow],
    coordinates: Vec<f32>,
    dimensions: usize,
) -> Result<Written, StoreError> {
    let value = Arc::new(Field::new("item", DataType::Float32, false));
    let width = i32::try_from(dimensions).map_err(StoreError::table(path))?;
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("coordinates", DataType::FixedSizeList(value.clone(), width), false),
        Field::new("label", DataType::Int32, false),
        Field::new("probability", DataType::Float64, false),
    ]);
    let schema = described(schema, "embedding", &[("coda.class", class.to_owned())]);
    let values = Arc::new(Float32Array::from(coordinates));
    let coordinates =
        FixedSizeListArray::try_new(value, width, values, None).map_err(StoreError::table(path))?;
    let batch = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.key))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.shard))),
            Arc::new(coordinates),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.label))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.probability))),
        ],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}
