//! `quarantine.parquet`: every sample that was left out of the run, and why.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

/// One sample that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Shard, as the pipeline names it.
    pub shard: String,
    /// Sample key; empty where the damage hides it.
    pub key: String,
    /// Stage that left it out.
    pub stage: String,
    /// Why.
    pub reason: String,
}

/// Writes the list.
///
/// # Errors
/// If the file can't be written.
pub fn write_quarantine(
    path: &Path,
    root: &Path,
    rows: &[QuarantineRow],
) -> Result<Written, StoreError> {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Schema::new(vec![text("shard"), text("key"), text("stage"), text("reason")]);
    let column = |of: fn(&QuarantineRow) -> &String| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let batch = RecordBatch::try_new(
        described(schema, "quarantine", &[]),
        vec![column(|r| &r.shard), column(|r| &r.key), column(|r| &r.stage), column(|r| &r.reason)],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_quarantine`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_quarantine(path: &Path) -> Result<Vec<QuarantineRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let (shards, keys) = (columns.strings("shard")?, columns.strings("key")?);
    let (stages, reasons) = (columns.strings("stage")?, columns.strings("reason")?);
    let places = shards.into_iter().zip(keys);
    let rows = places.zip(stages.into_iter().zip(reasons));
    Ok(rows
        .map(|((shard, key), (stage, reason))| QuarantineRow { shard, key, stage, reason })
        .collect())
}
