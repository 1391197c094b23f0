//! Rows of numbers out of Parquet's columns.

use super::Array;
use crate::store::tables::LatentFormat;
use arrow::array::{Array as _, ArrayRef, AsArray, Float32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Schema};

/// What was read so far.
pub(super) struct Rows {
    latents: Option<LatentFormat>,
    width: Option<usize>,
    count: usize,
    values: Vec<f32>,
}

impl Rows {
    pub(super) fn new(latents: Option<LatentFormat>) -> Self {
        Self { latents, width: None, count: 0, values: Vec::new() }
    }

    /// Takes the rows of a batch of the one column.
    pub(super) fn take(&mut self, column: &ArrayRef) -> Result<(), String> {
        if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
            return Err(format!("row {} is empty: drop such rows first", self.count + row + 1));
        }
        if let (Some(format), Some(binary)) = (self.latents, column.as_fixed_size_binary_opt()) {
            self.count += column.len();
            (0..binary.len()).for_each(|row| format.decode(binary.value(row), &mut self.values));
            self.width = Some(format.values());
            return Ok(());
        }
        for row in 0..column.len() {
            self.count += 1;
            self.take_list(&list_at(column, row)?)?;
        }
        Ok(())
    }

    fn take_list(&mut self, list: &ArrayRef) -> Result<(), String> {
        let numbers = cast(list, &DataType::Float32).map_err(|error| error.to_string())?;
        let numbers: &Float32Array = numbers.as_primitive::<Float32Type>();
        let (row, length) = (self.count, numbers.len());
        let width = *self.width.get_or_insert(length);
        if let Some(at) = (0..length).find(|&at| numbers.is_null(at)) {
            return Err(format!("row {row} has no value at place {} of its list", at + 1));
        }
        if length != width {
            return Err(format!(
                "row {row} has {length} values, those before have {width}: all must be as long"
            ));
        }
        self.values.extend_from_slice(numbers.values());
        Ok(())
    }

    /// All rows; each has the latents' own shape, or the length of a list.
    pub(super) fn into_array(self, schema: &Schema) -> Array {
        let ours = self.latents.filter(|l| self.width == Some(l.values()));
        let ours = ours.filter(|_| schema.metadata().contains_key("coda.latent.shape"));
        let row = ours.map_or_else(|| vec![self.width.unwrap_or(0)], |l| l.shape.to_vec());
        Array { shape: [vec![self.count], row].concat(), values: self.values }
    }
}

/// Takes the rows of a batch in which each column is a feature.
pub(super) fn wide(rows: &mut Rows, batch: &RecordBatch) -> Result<(), String> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
            let row = rows.count + row + 1;
            return Err(format!("row {row} has no value in column {:?}", field.name()));
        }
        let numbers = cast(column, &DataType::Float32).map_err(|error| error.to_string())?;
        columns.push(numbers.as_primitive::<Float32Type>().clone());
    }
    rows.width = Some(columns.len());
    rows.count += batch.num_rows();
    for row in 0..batch.num_rows() {
        rows.values.extend(columns.iter().map(|column| column.value(row)));
    }
    Ok(())
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
