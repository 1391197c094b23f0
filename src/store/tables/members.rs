//! `members.parquet`: the images that each anchor of one class is made of.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt32Type, UInt64Type};
use std::path::Path;
use std::sync::Arc;

/// A member of an anchor. Rows are sorted by rank, then position.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRow {
    /// Rank of the core in whose group it is.
    pub rank: u32,
    /// Its place in the group by distance, from 0.
    pub position: u32,
    /// Sample key.
    pub key: String,
    /// Shard it came from, as the pipeline names it.
    pub shard: String,
    /// Byte offset of the sample in the uncompressed shard.
    pub offset: u64,
    /// Its row among the class's rows, in encoding order.
    pub row: u64,
    /// Its distance to the group's centre in the features that were searched.
    pub distance: f64,
    /// Images of the group, members or not; 0 for a core without a group, which is its own member.
    pub group_size: u64,
    /// Of the class: how far the members' means lie from the class's mean, as a share of how far the members do.
    pub ratio: f64,
}

fn text(rows: &[MemberRow], of: fn(&MemberRow) -> &String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
}

fn number<T: ArrowPrimitiveType>(rows: &[MemberRow], of: fn(&MemberRow) -> T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values(rows.iter().map(of)))
}

/// Writes the members of the anchors of `class`.
///
/// # Errors
/// If the file can't be written.
pub fn write_members(
    path: &Path,
    root: &Path,
    class: &str,
    rows: &[MemberRow],
) -> Result<Written, StoreError> {
    let columns: [(&str, ArrayRef); 9] = [
        ("rank", number::<UInt32Type>(rows, |r| r.rank)),
        ("position", number::<UInt32Type>(rows, |r| r.position)),
        ("key", text(rows, |r| &r.key)),
        ("shard", text(rows, |r| &r.shard)),
        ("offset", number::<UInt64Type>(rows, |r| r.offset)),
        ("row", number::<UInt64Type>(rows, |r| r.row)),
        ("distance", number::<Float64Type>(rows, |r| r.distance)),
        ("group_size", number::<UInt64Type>(rows, |r| r.group_size)),
        ("ratio", number::<Float64Type>(rows, |r| r.ratio)),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        let kind: DataType = column.data_type().clone();
        Field::new(*name, kind, false)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let schema = described(schema, "members", &[("coda.class", class.to_owned())]);
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(schema, columns).map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// Reads what [`write_members`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_members(path: &Path) -> Result<Vec<MemberRow>, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let ranks = columns.numbers::<UInt32Type>("rank")?;
    let positions = columns.numbers::<UInt32Type>("position")?;
    let offsets = columns.numbers::<UInt64Type>("offset")?;
    let rows = columns.numbers::<UInt64Type>("row")?;
    let distances = columns.numbers::<Float64Type>("distance")?;
    let sizes = columns.numbers::<UInt64Type>("group_size")?;
    let ratios = columns.numbers::<Float64Type>("ratio")?;
    let names = columns.strings("key")?.into_iter().zip(columns.strings("shard")?);
    let row = |(i, (key, shard))| MemberRow {
        rank: ranks[i],
        position: positions[i],
        key,
        shard,
        offset: offsets[i],
        row: rows[i],
        distance: distances[i],
        group_size: sizes[i],
        ratio: ratios[i],
    };
    Ok(names.enumerate().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("members.parquet");
        let row = |at: u32| MemberRow {
            rank: at / 2,
            position: at % 2,
            key: format!("k{at}"),
            shard: "train-000000.tar".into(),
            offset: 512 * u64::from(at),
            row: 7 + u64::from(at),
            distance: 0.1 * f64::from(at),
            group_size: 40,
            ratio: 0.7,
        };
        let rows: Vec<_> = (0..5).map(row).collect();
        let first = write_members(&path, dir.path(), "n01", &rows).unwrap();
        assert_eq!(read_members(&path).unwrap(), rows);
        assert_eq!(write_members(&path, dir.path(), "n01", &rows).unwrap(), first);
    }
}
