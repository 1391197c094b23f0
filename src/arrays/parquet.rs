//! A column of vectors in a Parquet file: lists of numbers, our own tables' latents, or a column a feature.

use super::parquet_rows::{Rows, wide};
use super::{Array, ArrayError, choose, unread_codec};
use crate::store::tables::LatentFormat;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Reads the column called `name`, or the only one that holds vectors; without such columns, the columns of fractions.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    let file = File::open(path).map_err(ArrayError::io("open", path))?;
    let broken = |error: &dyn std::fmt::Display| {
        ArrayError::content(path, format!("it can't be read as Parquet: {error}"))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| broken(&e))?;
    if let Some(codec) = unread_codec(builder.metadata()) {
        return Err(ArrayError::content(path, codec));
    }
    let schema = builder.schema().clone();
    let latents = LatentFormat::from_metadata(schema.metadata()).ok();
    let columns = chosen(path, &schema, latents, name)?;
    // By position: the library takes a dot in a name for a path into a struct.
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(1024).build();
    let mut rows = Rows::new(latents);
    let named = |reason: String| match columns.as_slice() {
        [column] => {
            let name = schema.field(*column).name();
            ArrayError::content(path, format!("column {name:?}: {reason}"))
        }
        _ => ArrayError::content(path, reason),
    };
    for batch in reader.map_err(|e| broken(&e))? {
        let batch = batch.map_err(|e| broken(&e))?;
        let one = columns.len() == 1 && !is_fraction(schema.field(columns[0]));
        let taken = if one { rows.take(batch.column(0)) } else { wide(&mut rows, &batch) };
        taken.map_err(named)?;
    }
    Ok(rows.into_array(&schema))
}

/// Positions of the columns that are meant.
fn chosen(
    path: &Path,
    schema: &Schema,
    latents: Option<LatentFormat>,
    name: Option<&str>,
) -> Result<Vec<usize>, ArrayError> {
    let vectors: Vec<usize> =
        (0..schema.fields().len()).filter(|&at| is_vector(schema.field(at), latents)).collect();
    let names: Vec<&str> = vectors.iter().map(|&at| schema.field(at).name().as_str()).collect();
    if name.is_none() && vectors.is_empty() {
        return features(schema).map_err(|reason| ArrayError::content(path, reason));
    }
    if let Some(name) = name.filter(|name| !names.contains(name))
        && let Ok(field) = schema.field_with_name(name)
    {
        let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let kind = field.data_type();
        let reason =
            format!("column {name:?} is {kind}, no list of numbers; of those it has {has}");
        return Err(ArrayError::content(path, reason));
    }
    let name = choose(path, "column", "--column", &names, name)?;
    Ok(vectors.into_iter().filter(|&at| schema.field(at).name() == name).take(1).collect())
}

/// The columns of a table with a column a feature. Whole numbers may be labels or row numbers as well as features, so
/// where there are such, nobody knows which are meant.
fn features(schema: &Schema) -> Result<Vec<usize>, String> {
    let at = |wanted: fn(&Field) -> bool| -> Vec<usize> {
        (0..schema.fields().len()).filter(|&at| wanted(schema.field(at))).collect()
    };
    let is_whole = |field: &Field| {
        // pandas keeps a frame's index so.
        field.data_type().is_integer() && !field.name().starts_with("__index_level_")
    };
    let (fractions, whole) = (at(is_fraction), at(is_whole));
    let shown = |columns: &[usize]| {
        let names: Vec<&str> =
            columns.iter().take(5).map(|&at| schema.field(at).name().as_str()).collect();
        let more = if columns.len() > 5 { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    };
    if whole.is_empty() && fractions.len() > 1 {
        return Ok(fractions);
    }
    if whole.is_empty() && fractions.is_empty() {
        let kinds: Vec<String> = schema
            .fields()
            .iter()
            .take(5)
            .map(|field| format!("{} ({})", field.name(), field.data_type()))
            .collect();
        let more = if schema.fields().len() > 5 { ", …" } else { "" };
        return Err(format!(
            "it holds no column of lists of numbers, but {}{more}",
            kinds.join(", ")
        ));
    }
    let all = [fractions.clone(), whole.clone()].concat();
    Err(format!(
        "it holds no column of lists of numbers; which of its columns of single numbers ({}) are features is not to be \
         told: write them as one column of lists, or alone, as fractions",
        shown(&all)
    ))
}

fn is_fraction(field: &Field) -> bool {
    field.data_type().is_floating()
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

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;
