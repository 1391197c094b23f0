//! `audit/copies.parquet`: the real images nearest to each generated one.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema, UInt32Type, UInt64Type};
use std::path::Path;
use std::sync::Arc;

/// A generated image and one real image near it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Class key of the generated image.
    pub class: String,
    /// Its rank in its class.
    pub rank: u32,
    /// 1 for the nearest real image, 2 for the next, and so on; 0 for the nearest of the same class.
    pub neighbor: u32,
    /// The real image's class key.
    pub real_class: String,
    /// Its sample key.
    pub key: String,
    /// Its shard, as the pipeline names it.
    pub shard: String,
    /// Byte offset of its sample in the uncompressed shard.
    pub offset: u64,
    /// Euclidean distance of the features.
    pub distance: f32,
    /// Of the generated image: distance to the nearest over the median spacing of that one's class.
    pub ratio: f64,
    /// Of the generated image: share of that class's real images that are nearer to each other.
    pub percentile: f64,
    /// Of the generated image: whether its ratio is below the threshold.
    pub flagged: bool,
}

fn text(rows: &[AuditRow], of: fn(&AuditRow) -> &String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
}

fn number<T: ArrowPrimitiveType>(rows: &[AuditRow], of: fn(&AuditRow) -> T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values(rows.iter().map(of)))
}

/// Writes the table.
///
/// # Errors
/// If the file can't be written.
pub fn write_audit(path: &Path, root: &Path, rows: &[AuditRow]) -> Result<Written, StoreError> {
    let flagged: Vec<bool> = rows.iter().map(|row| row.flagged).collect();
    let columns: [(&str, ArrayRef); 11] = [
        ("class", text(rows, |r| &r.class)),
        ("rank", number::<UInt32Type>(rows, |r| r.rank)),
        ("neighbor", number::<UInt32Type>(rows, |r| r.neighbor)),
        ("real_class", text(rows, |r| &r.real_class)),
        ("key", text(rows, |r| &r.key)),
        ("shard", text(rows, |r| &r.shard)),
        ("offset", number::<UInt64Type>(rows, |r| r.offset)),
        ("distance", number::<Float32Type>(rows, |r| r.distance)),
        ("ratio", number::<Float64Type>(rows, |r| r.ratio)),
        ("percentile", number::<Float64Type>(rows, |r| r.percentile)),
        ("flagged", Arc::new(BooleanArray::from(flagged))),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        let kind: DataType = column.data_type().clone();
        Field::new(*name, kind, false)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(described(schema, "audit", &[]), columns);
    write_all(path, root, &batch.map_err(StoreError::table(path))?)
}

/// Reads what [`write_audit`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_audit(path: &Path) -> Result<Vec<AuditRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let ranks = columns.numbers::<UInt32Type>("rank")?;
    let neighbors = columns.numbers::<UInt32Type>("neighbor")?;
    let offsets = columns.numbers::<UInt64Type>("offset")?;
    let distances = columns.numbers::<Float32Type>("distance")?;
    let ratios = columns.numbers::<Float64Type>("ratio")?;
    let percentiles = columns.numbers::<Float64Type>("percentile")?;
    let flagged = batch.column_by_name("flagged").and_then(|column| column.as_boolean_opt());
    let flagged =
        flagged.ok_or_else(|| StoreError::table(path)("it has no column `flagged` of ours"))?;
    let (classes, real_classes) = (columns.strings("class")?, columns.strings("real_class")?);
    let (keys, shards) = (columns.strings("key")?, columns.strings("shard")?);
    let texts = classes.into_iter().zip(real_classes).zip(keys.into_iter().zip(shards));
    Ok(texts
        .enumerate()
        .map(|(i, ((class, real_class), (key, shard)))| AuditRow {
            class,
            rank: ranks[i],
            neighbor: neighbors[i],
            real_class,
            key,
            shard,
            offset: offsets[i],
            distance: distances[i],
            ratio: ratios[i],
            percentile: percentiles[i],
            flagged: flagged.value(i),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copies.parquet");
        let row = |neighbor, ratio, flagged| AuditRow {
            class: "a".into(),
            rank: 3,
            neighbor,
            real_class: "b".into(),
            key: "k".into(),
            shard: "s".into(),
            offset: 1 << 40,
            distance: 0.5,
            ratio,
            percentile: 0.25,
            flagged,
        };
        let rows = [row(1, 0.01, true), row(0, f64::INFINITY, false)];
        write_audit(&path, dir.path(), &rows).unwrap();
        assert_eq!(read_audit(&path).unwrap(), rows);
    }
}
