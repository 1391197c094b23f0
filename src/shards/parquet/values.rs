//! Single values of a table's columns: bytes, text, labels, JSON.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

/// A whole number beyond this can't be told from its neighbours in a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The column with its values in place of a dictionary's keys.
pub(super) fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        _ => Ok(column.clone()),
    }
}

/// The bytes of a row, `None` where it is null.
pub(super) fn bytes_at(column: &dyn Array, row: usize) -> Option<&[u8]> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Binary => Some(column.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(column.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(column.as_binary_view().value(row)),
        _ => None,
    }
}

/// The text of a row, `None` where it is null or no text.
pub(super) fn text_at(column: &dyn Array, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        _ => None,
    }
}

/// The value of a row as a label is written: text as it is, whole numbers in digits. `None` where it is null.
pub(super) fn label_at(column: &dyn Array, row: usize) -> Result<Option<String>, ArrowError> {
    Ok(match json_at(column, row)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    })
}

/// The value of a row as JSON; what JSON has not (dates, decimal fractions) as text, numbers that are none as null.
pub(super) fn json_at(column: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    let kind = column.data_type();
    if let Some(text) = text_at(column, row) {
        return Ok(text.into());
    }
    if let DataType::Dictionary(_, values) = kind {
        return json_at(&cast(&column.slice(row, 1), values)?, 0);
    }
    if let Some(fields) = column.as_struct_opt() {
        let mut object = Map::new();
        for (name, values) in fields.column_names().into_iter().zip(fields.columns()) {
            object.insert(name.to_owned(), json_at(values, row)?);
        }
        return Ok(object.into());
    }
    if let Some(items) = items(column, row) {
        return (0..items.len()).map(|at| json_at(&items, at)).collect();
    }
    if *kind == DataType::Boolean {
        return Ok(column.as_boolean().value(row).into());
    }
    number(column, row)
}

fn number(column: &dyn Array, row: usize) -> Result<Value, ArrowError> {
    let kind = column.data_type();
    let one = column.slice(row, 1);
    if kind.is_unsigned_integer() {
        return Ok(cast(&one, &DataType::UInt64)?.as_primitive::<UInt64Type>().value(0).into());
    }
    if kind.is_integer() {
        return Ok(cast(&one, &DataType::Int64)?.as_primitive::<Int64Type>().value(0).into());
    }
    if kind.is_floating() {
        let value = cast(&one, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
        // pandas keeps whole numbers as floats where a row has none.
        let whole = value.fract() == 0.0 && value.abs() <= EXACT;
        return Ok(if whole { (value as i64).into() } else { value.into() });
    }
    let formatter = ArrayFormatter::try_new(&one, &FormatOptions::default())?;
    Ok(formatter.value(0).try_to_string()?.into())
}

fn items(column: &dyn Array, row: usize) -> Option<ArrayRef> {
    let short = column.as_list_opt::<i32>().map(|lists| lists.value(row));
    let long = || column.as_list_opt::<i64>().map(|lists| lists.value(row));
    let fixed = || column.as_fixed_size_list_opt().map(|lists| lists.value(row));
    short.or_else(long).or_else(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BooleanArray, Date32Array, DictionaryArray, Float32Array, Int64Array, ListArray,
        StringArray, StructArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    #[test]
    fn values_of_all_kinds_are_written_as_json_and_as_labels() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["n01"]));
        let words: DictionaryArray<Int32Type> = vec!["dog"].into_iter().collect();
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
        let both = StructArray::from(vec![(
            Arc::new(arrow::datatypes::Field::new("a", DataType::Utf8, true)),
            text.clone(),
        )]);
        let columns: [(ArrayRef, &str, &str); 10] = [
            (text, "\"n01\"", "n01"),
            (Arc::new(words), "\"dog\"", "dog"),
            (Arc::new(Int64Array::from(vec![-1])), "-1", "-1"),
            (
                Arc::new(UInt64Array::from(vec![u64::MAX])),
                "18446744073709551615",
                "18446744073709551615",
            ),
            (Arc::new(Float32Array::from(vec![7.0])), "7", "7"),
            (Arc::new(Float32Array::from(vec![0.5])), "0.5", "0.5"),
            (Arc::new(BooleanArray::from(vec![true])), "true", "true"),
            (Arc::new(Date32Array::from(vec![0])), "\"1970-01-01\"", "1970-01-01"),
            (Arc::new(lists), "[1,null]", "[1,null]"),
            (Arc::new(both), "{\"a\":\"n01\"}", "{\"a\":\"n01\"}"),
        ];
        for (column, json, label) in columns {
            assert_eq!(json_at(&column, 0).unwrap().to_string(), json);
            assert_eq!(label_at(&column, 0).unwrap().as_deref(), Some(label));
        }
        let none: ArrayRef = Arc::new(Float32Array::from(vec![None, Some(f32::NAN)]));
        assert_eq!((label_at(&none, 0).unwrap(), json_at(&none, 1).unwrap()), (None, Value::Null));
    }
}
