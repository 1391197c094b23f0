//! A column of vectors in a Parquet file: lists of numbers, or our own tables' latents.

use super::{Array, ArrayError, choose};
use crate::store::tables::LatentFormat;
use arrow::array::{Array as _, ArrayRef, AsArray, Float32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Reads the column called `name`, or the only one that holds vectors.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    let file = File::open(path).map_err(ArrayError::io("open", path))?;
    let broken = |error: parquet::errors::ParquetError| {
        ArrayError::content(path, format!("damaged: {error}"))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
    let schema = builder.schema().clone();
    let latents = LatentFormat::from_metadata(schema.metadata()).ok();
    let vectors: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| is_vector(field, latents))
        .map(|field| field.name().as_str())
        .collect();
    let name = choose(path, "column", "--column", &vectors, name)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
    let reader = builder.with_projection(mask).with_batch_size(1024).build().map_err(broken)?;
    let mut rows = Rows { latents, width: None, count: 0, values: Vec::new() };
    for batch in reader {
        let batch =
            batch.map_err(|error| ArrayError::content(path, format!("damaged: {error}")))?;
        let column = batch.column_by_name(name).ok_or_else(|| {
            ArrayError::content(path, format!("column {name:?} is lost in a batch"))
        })?;
        rows.take(column)
            .map_err(|reason| ArrayError::content(path, format!("column {name:?}: {reason}")))?;
    }
    Ok(Array { shape: rows.shape(&schema), values: rows.values })
}

fn is_vector(field: &Field, latents: Option<LatentFormat>) -> bool {
    match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type().is_numeric()
        }
        DataType::FixedSizeBinary(width) => latents.is_some_and(|l| l.bytes() == *width as usize),
        _ => false,
    }
}

/// What was read so far.
struct Rows {
    latents: Option<LatentFormat>,
    width: Option<usize>,
    count: usize,
    values: Vec<f32>,
}

impl Rows {
    fn take(&mut self, column: &ArrayRef) -> Result<(), String> {
        if column.null_count() > 0 {
            return Err("it has empty rows: drop them first".into());
        }
        self.count += column.len();
        if let (Some(format), Some(binary)) = (self.latents, column.as_fixed_size_binary_opt()) {
            (0..binary.len()).for_each(|row| format.decode(binary.value(row), &mut self.values));
            self.width = Some(format.values());
            return Ok(());
        }
        (0..column.len()).try_for_each(|row| self.take_list(&list_at(column, row)?))
    }

    fn take_list(&mut self, list: &ArrayRef) -> Result<(), String> {
        let numbers = cast(list, &DataType::Float32).map_err(|error| error.to_string())?;
        let numbers: &Float32Array = numbers.as_primitive::<Float32Type>();
        let width = *self.width.get_or_insert(numbers.len());
        if numbers.null_count() > 0 || numbers.len() != width {
            let length = numbers.len() - numbers.null_count();
            return Err(format!("rows of {width} and of {length} values: all must be as long"));
        }
        self.values.extend_from_slice(numbers.values());
        Ok(())
    }

    /// Rows, then the latents' own shape, or the length of a list.
    fn shape(&self, schema: &Schema) -> Vec<usize> {
        let ours = self.latents.filter(|l| self.width == Some(l.values()));
        let ours = ours.filter(|_| schema.metadata().contains_key("coda.latent.shape"));
        let row = ours.map_or_else(|| vec![self.width.unwrap_or(0)], |l| l.shape.to_vec());
        [vec![self.count], row].concat()
    }
}

fn list_at(column: &ArrayRef, row: usize) -> Result<ArrayRef, String> {
    if let Some(lists) = column.as_fixed_size_list_opt() {
        return Ok(lists.value(row));
    }
    if let Some(lists) = column.as_list_opt::<i64>() {
        return Ok(lists.value(row));
    }
    let lists = column.as_list_opt::<i32>();
    lists.map(|lists| lists.value(row)).ok_or_else(|| "it holds no lists".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::{
        EmbeddedRow, LatentRow, LatentType, PartFormat, write_embedding, write_latents,
    };

    #[test]
    fn our_own_tables_are_read_with_their_shape() {
        let dir = tempfile::tempdir().unwrap();
        let latent = LatentFormat { dtype: LatentType::F16, shape: [2, 1, 2] };
        let format = PartFormat { latent, feature: None };
        let row = |i: u32| LatentRow {
            key: i.to_string(),
            class: "c".into(),
            width: 1,
            height: 1,
            index: i,
            offset: 0,
        };
        let path = dir.path().join("part.parquet");
        let rows = [row(0), row(1), row(2)];
        write_latents(&path, dir.path(), "s", (format, false), &rows, |i, out| {
            format.encode(&[i as f32, 1.0, 2.0, 3.0], &[], out);
            Ok(())
        })
        .unwrap();
        let array = read(&path, None).unwrap();
        assert_eq!(array.shape, [3, 2, 1, 2]);
        assert_eq!(array.values[4..8], [1.0, 1.0, 2.0, 3.0]);
        assert!(read(&path, Some("key")).unwrap_err().to_string().contains("it has latent"));
    }

    #[test]
    fn lists_of_numbers_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("embedding.parquet");
        let row = |key: &str| EmbeddedRow {
            key: key.into(),
            shard: "s".into(),
            label: 0,
            probability: 1.0,
        };
        let rows = [row("a"), row("b")];
        write_embedding(&path, dir.path(), "c", &rows, vec![1.0, 2.0, 3.0, 4.0], 2).unwrap();
        let array = read(&path, Some("coordinates")).unwrap();
        assert_eq!(array, Array { shape: vec![2, 2], values: vec![1.0, 2.0, 3.0, 4.0] });
    }
}
