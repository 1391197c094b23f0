//! `embedding.parquet`: every sample of one class in the space that cores were chosen in.

use super::columns::{Columns, described, read_all, write_all};
use crate::store::{StoreError, Written};
use arrow::array::{
    AsArray, FixedSizeListArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Schema};
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

/// A class's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// One a sample.
    pub rows: Vec<EmbeddedRow>,
    /// `dimensions` values a row.
    pub coordinates: Vec<f32>,
    /// Values of a row.
    pub dimensions: usize,
}

/// Reads what [`write_embedding`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_embedding(path: &Path) -> Result<Embedding, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    let wrong = || StoreError::table(path)("it has no column `coordinates` of ours");
    let lists = batch.column_by_name("coordinates").and_then(|c| c.as_fixed_size_list_opt());
    let lists = lists.ok_or_else(wrong)?;
    let dimensions = usize::try_from(lists.value_length()).map_err(StoreError::table(path))?;
    let values = lists.values().as_primitive_opt::<Float32Type>().ok_or_else(wrong)?.values();
    let coordinates = values.get(..batch.num_rows() * dimensions).ok_or_else(wrong)?.to_vec();
    let labels = columns.numbers::<Int32Type>("label")?;
    let probabilities = columns.numbers::<Float64Type>("probability")?;
    let names = columns.strings("key")?.into_iter().zip(columns.strings("shard")?);
    let rows = names.enumerate().map(|(i, (key, shard))| EmbeddedRow {
        key,
        shard,
        label: labels[i],
        probability: probabilities[i],
    });
    Ok(Embedding { rows: rows.collect(), coordinates, dimensions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_coordinates_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("embedding.parquet");
        let row = |key: &str, label| EmbeddedRow {
            key: key.into(),
            shard: "s".into(),
            label,
            probability: 0.5,
        };
        let rows = [row("a", -1), row("b", 4)];
        let coordinates = vec![1.0, 2.0, 3.0, -4.0, 5.5, 6.0];
        write_embedding(&path, dir.path(), "c", &rows, coordinates.clone(), 3).unwrap();
        let found = read_embedding(&path).unwrap();
        assert_eq!(found, Embedding { rows: rows.to_vec(), coordinates, dimensions: 3 });
    }
}
