//! Rows of a Parquet table of files and classes.

use super::error::PackError;
use super::table_columns::columns;
use crate::arrays::unread_codec;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Path and class of every row.
pub(super) fn parquet_rows(path: &Path) -> Result<Vec<(String, String)>, PackError> {
    let file = File::open(path).map_err(PackError::io("open", path))?;
    let broken = |error: &dyn std::fmt::Display| {
        PackError::list(path, format!("it can't be read as Parquet: {error}"))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| broken(&e))?;
    let schema = builder.schema().clone();
    let names: Vec<String> =
        schema.fields().iter().map(|field| field.name().to_lowercase()).collect();
    let [file, class] = columns(path, &names, "it has")?;
    check(path, schema.field(file), "a path")?;
    check(path, schema.field(class), "a class")?;
    if let Some(codec) = unread_codec(builder.metadata()) {
        return Err(PackError::list(path, codec));
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), [file, class]);
    // The columns come in the table's order.
    let (file, class) = if file < class { (0, 1) } else { (1, 0) };
    let mut rows = Vec::new();
    for batch in builder.with_projection(mask).build().map_err(|e| broken(&e))? {
        let batch = batch.map_err(|e| broken(&e))?;
        for row in 0..batch.num_rows() {
            let values = (text(batch.column(file), row), text(batch.column(class), row));
            let (Some(file), Some(class)) = values else {
                let problem = format!("row {} lacks a path or a class", rows.len() + 1);
                return Err(PackError::list(path, problem));
            };
            rows.push((file, class));
        }
    }
    Ok(rows)
}

fn text(column: &ArrayRef, row: usize) -> Option<String> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).ok()?;
    (!column.is_null(row)).then(|| formatter.value(row).to_string()).filter(|text| !text.is_empty())
}

/// Refuses a column whose values can't be `what`.
fn check(path: &Path, field: &Field, what: &str) -> Result<(), PackError> {
    let inner = match field.data_type() {
        DataType::Dictionary(_, value) => value.as_ref(),
        other => other,
    };
    let is_struct_of_bytes = matches!(inner, DataType::Struct(fields)
        if fields.iter().any(|field| is_binary(field.data_type())));
    let problem = match inner {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => return Ok(()),
        kind if what == "a class" && (kind.is_integer() || kind.is_floating()) => return Ok(()),
        DataType::Boolean if what == "a class" => return Ok(()),
        kind if is_binary(kind) => {
            "holds the images themselves (bytes), which pack does not read: it takes paths of files"
                .to_owned()
        }
        _ if is_struct_of_bytes => {
            "holds the images themselves (struct with bytes), which pack does not read: it takes \
                                    paths of files"
                .to_owned()
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => {
            format!("holds lists (several values a row); pack takes {what} a row")
        }
        kind => format!("holds {kind}, not {what}"),
    };
    Err(PackError::list(path, format!("column {} {problem}", field.name())))
}

fn is_binary(kind: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(kind, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}
