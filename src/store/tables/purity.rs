//! `purity.parquet`: what the neighbours of each sample say of it, and whether it can become a core.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, UInt64Type};
use std::path::Path;
use std::sync::Arc;

/// Why a sample can't become a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Its neighbours carry other labels.
    WrongLabel,
    /// Its neighbours of the class are much farther than those of other samples.
    Sparse,
}

impl LeftOut {
    const ALL: [Self; 2] = [Self::WrongLabel, Self::Sparse];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongLabel => "wrong label",
            Self::Sparse => "sparse",
        }
    }
}

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
    /// The largest share of these neighbours with one other label.
    pub other: f32,
    /// Distance to the k-th neighbour of its class, where density is asked for and the label is not wrong.
    pub core_distance: Option<f32>,
    /// Whether it can become a core.
    pub kept: bool,
    /// Why not.
    pub reason: Option<LeftOut>,
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
        field("other", DataType::Float32),
        Field::new("core_distance", DataType::Float32, true),
        field("kept", DataType::Boolean),
        field("reason", DataType::Utf8),
    ]);
    let text = |of: fn(&PurityRow) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let share = |of: fn(&PurityRow) -> f32| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(rows.iter().map(of)))
    };
    let kept: Vec<bool> = rows.iter().map(|r| r.kept).collect();
    let batch = RecordBatch::try_new(
        described(schema, "purity", &[]),
        vec![
            text(|r| &r.class),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|r| r.row))),
            text(|r| &r.key),
            text(|r| &r.shard),
            share(|r| r.purity),
            share(|r| r.other),
            Arc::new(Float32Array::from_iter(rows.iter().map(|r| r.core_distance))),
            Arc::new(BooleanArray::from(kept)),
            text(|r| r.reason.map_or("", LeftOut::name)),
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
    let (shards, reasons) = (columns.strings("shard")?, columns.texts("reason")?);
    let rows = columns.numbers::<UInt64Type>("row")?;
    let purity = columns.numbers::<Float32Type>("purity")?;
    let other = columns.numbers::<Float32Type>("other")?;
    let distances = columns.optional::<Float32Type>("core_distance")?;
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
            other: other[i],
            core_distance: distances.is_valid(i).then(|| distances.value(i)),
            kept: kept.value(i),
            reason: LeftOut::ALL.into_iter().find(|reason| reason.name() == reasons.value(i)),
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
        let row = |row, purity, core_distance, reason: Option<LeftOut>| PurityRow {
            class: "a".into(),
            row,
            key: format!("k{row}"),
            shard: "s".into(),
            purity,
            other: 1.0 - purity,
            core_distance,
            kept: reason.is_none(),
            reason,
        };
        let rows = [
            row(0, 1.0, Some(2.5), None),
            row(1, 0.2, None, Some(LeftOut::WrongLabel)),
            row(2, 0.9, Some(80.0), Some(LeftOut::Sparse)),
        ];
        write_purity(&path, dir.path(), &rows).unwrap();
        assert_eq!(read_purity(&path).unwrap(), rows);
    }
}
