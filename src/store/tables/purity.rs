//! `purity.parquet`: how many of each sample's neighbours carry its own label, and whether it stays.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{AsArray, BooleanArray, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, UInt64Type};
use std::path::Path;
use std::sync::Arc;

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct PurityRow {
    /// Class key.
    pub class: String,
    /// Its row among the class's rows, in encoding order.
    pub row: u64,
    /// Sample key.
    pub key: String,
    /// Shard it came from.
    pub shard: String,
    /// Share of its nearest neighbours over all classes that carry its own label.
    pub purity: f32,
    /// Whether it can become a core.
    pub kept: bool,
}

/// Writes the table.
///
/// # Errors
/// If the file can't be written.
pub fn write_purity(path: &Path, root: &Path, rows: &[PurityRow]) -> Result<Written, StoreError> {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    let schema = Schema::new(vec![
        field("class", DataType::Utf8),
        field("row", DataType::UInt64),
        field("key", DataType::Utf8),
        field("shard", DataType::Utf8),
        field("purity", DataType::Float32),
        field("kept", DataType::Boolean),
    ]);
    let text = |of: fn(&PurityRow) -> &String| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let kept: Vec<bool> = rows.iter().map(|r| r.kept).collect();
    let batch = RecordBatch::try_new(
        described(schema, "purity", &[]),
        vec![
            text(|r| &r.class),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.row))),
            text(|r| &r.key),
            text(|r| &r.shard),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|r| r.purity))),
            Arc::new(BooleanArray::from(kept)),
        ],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_purity`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_purity(path: &Path) -> Result<Vec<PurityRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let (classes, keys) = (columns.strings("class")?, columns.strings("key")?);
    let shards = columns.strings("shard")?;
    let rows = columns.numbers::<UInt64Type>("row")?;
    let purity = columns.numbers::<Float32Type>("purity")?;
    let kept = batch.column_by_name("kept").and_then(|column| column.as_boolean_opt());
    let kept = kept.ok_or_else(|| StoreError::table(path)("it has no column `kept` of ours"))?;
    let texts = classes.into_iter().zip(keys).zip(shards);
    Ok(texts
        .enumerate()
        .map(|(i, ((class, key), shard))| PurityRow {
            class,
            row: rows[i],
            key,
            shard,
            purity: purity[i],
            kept: kept.value(i),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("purity.parquet");
        let row = |row, purity, kept| PurityRow {
            class: "a".into(),
            row,
            key: format!("k{row}"),
            shard: "s".into(),
            purity,
            kept,
        };
        let rows = [row(0, 1.0, true), row(1, 0.2, false)];
        write_purity(&path, dir.path(), &rows).unwrap();
        assert_eq!(read_purity(&path).unwrap(), rows);
    }
}
