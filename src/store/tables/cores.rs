//! `cores.parquet`: the chosen samples of one class, by rank.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt32Type, UInt64Type};
use std::path::Path;
use std::sync::Arc;

/// One core.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreRow {
    /// Rank within the class, from 0.
    pub rank: u32,
    /// Sample key.
    pub key: String,
    /// Shard it came from, as the pipeline names it.
    pub shard: String,
    /// Byte offset of the sample in the uncompressed shard.
    pub offset: u64,
    /// What chose it (`hdbscan_initial`, …).
    pub origin: String,
    /// Samples in its cluster.
    pub cluster_size: u64,
    /// Its membership probability; 0 where a k-means chose it among noise.
    pub probability: f64,
    /// Its row among the class's rows, in encoding order.
    pub row: u64,
}

/// Writes the cores of `class`.
///
/// # Errors
/// If the file can't be written.
pub fn write_cores(
    path: &Path,
    root: &Path,
    class: &str,
    rows: &[CoreRow],
) -> Result<Written, StoreError> {
    let schema = Schema::new(vec![
        Field::new("rank", DataType::UInt32, false),
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("offset", DataType::UInt64, false),
        Field::new("origin", DataType::Utf8, false),
        Field::new("cluster_size", DataType::UInt64, false),
        Field::new("probability", DataType::Float64, false),
        Field::new("row", DataType::UInt64, false),
    ]);
    let schema = described(schema, "cores", &[("coda.class", class.to_owned())]);
    let batch = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.rank))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.key))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.shard))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.offset))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.origin))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.cluster_size))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.probability))),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.row))),
        ],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_cores`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_cores(path: &Path) -> Result<Vec<CoreRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let (keys, shards) = (columns.strings("key")?, columns.strings("shard")?);
    let origins = columns.strings("origin")?;
    let (ranks, offsets) =
        (columns.numbers::<UInt32Type>("rank")?, columns.numbers::<UInt64Type>("offset")?);
    let sizes = columns.numbers::<UInt64Type>("cluster_size")?;
    let probabilities = columns.numbers::<Float64Type>("probability")?;
    let rows = columns.numbers::<UInt64Type>("row")?;
    let texts = keys.into_iter().zip(shards).zip(origins);
    Ok(texts
        .enumerate()
        .map(|(i, ((key, shard), origin))| CoreRow {
            rank: ranks[i],
            key,
            shard,
            offset: offsets[i],
            origin,
            cluster_size: sizes[i],
            probability: probabilities[i],
            row: rows[i],
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_come_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cores.parquet");
        let row = |rank: u32| CoreRow {
            rank,
            key: format!("k{rank}"),
            shard: "train-000000.tar".into(),
            offset: 512 * u64::from(rank),
            origin: "hdbscan_initial".into(),
            cluster_size: 40,
            probability: 0.1 * f64::from(rank),
            row: 7,
        };
        let rows: Vec<_> = (0..3).map(row).collect();
        let first = write_cores(&path, dir.path(), "n01", &rows).unwrap();
        assert_eq!(read_cores(&path).unwrap(), rows);
        assert_eq!(write_cores(&path, dir.path(), "n01", &rows).unwrap(), first);
    }
}
