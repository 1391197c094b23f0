//! `mix/CLASS.parquet`: which images of one class are real ones, and why.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{AsArray, BooleanArray, Float64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt32Type};
use std::path::Path;
use std::sync::Arc;

/// The choice for one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixRow {
    /// Rank of the core.
    pub rank: u32,
    /// Share by which the class's prompt lowers the model's error on the anchor; negative where the prompt raises it.
    pub prompt_gap: f64,
    /// Whether the real image is taken in place of a generated one.
    pub real: bool,
}

/// Writes the choices for `class`, by rank.
///
/// # Errors
/// If the file can't be written.
pub fn write_mix(
    path: &Path,
    root: &Path,
    class: &str,
    rows: &[MixRow],
) -> Result<Written, StoreError> {
    let schema = Schema::new(vec![
        Field::new("rank", DataType::UInt32, false),
        Field::new("prompt_gap", DataType::Float64, false),
        Field::new("real", DataType::Boolean, false),
    ]);
    let real: Vec<bool> = rows.iter().map(|row| row.real).collect();
    let batch = RecordBatch::try_new(
        described(schema, "mix", &[("coda.class", class.to_owned())]),
        vec![
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.rank))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.prompt_gap))),
            Arc::new(BooleanArray::from(real)),
        ],
    )
    .map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_mix`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_mix(path: &Path) -> Result<Vec<MixRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let ranks = columns.numbers::<UInt32Type>("rank")?;
    let gaps = columns.numbers::<Float64Type>("prompt_gap")?;
    let real = batch.column_by_name("real").and_then(|column| column.as_boolean_opt());
    let real = real.ok_or_else(|| StoreError::table(path)("it has no column `real` of ours"))?;
    let row = |i: usize| MixRow { rank: ranks[i], prompt_gap: gaps[i], real: real.value(i) };
    Ok((0..batch.num_rows()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_come_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mix.parquet");
        let row = |rank| MixRow { rank, prompt_gap: 0.1 - f64::from(rank), real: rank > 0 };
        let rows = [row(0), row(1)];
        write_mix(&path, dir.path(), "n01", &rows).unwrap();
        assert_eq!(read_mix(&path).unwrap(), rows);
    }
}
