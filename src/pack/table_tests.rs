use super::super::list::list_entries;
use super::*;
use crate::store::tables::write_all;
use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

fn written(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    (dir, path)
}

fn rows(name: &str, content: &str) -> Result<Vec<(String, String)>, String> {
    let (_dir, path) = written(name, content);
    table_rows(&path).map_err(|error| error.to_string())
}

fn pair(file: &str, class: &str) -> (String, String) {
    (file.to_owned(), class.to_owned())
}

#[test]
fn tables_are_read_by_their_columns_names() {
    let text = "Label, id, Path\nx, 1, b.png\n\"a, b\",2,sub/a.png\n";
    assert_eq!(rows("l.csv", text).unwrap(), [pair("b.png", "x"), pair("sub/a.png", "a, b")]);
    for column in ["file_name", "image_path", "filepath", "Image"] {
        let text = format!("\u{feff}{column}\tlabel\r\n1.png\tcat\r\n");
        assert_eq!(rows("l.tsv", &text).unwrap(), [pair("1.png", "cat")], "{column}");
    }
    let error = rows("l.csv", "a.png,x\n").unwrap_err();
    assert!(error.contains("no column path, file"), "{error}");
}

#[test]
fn rows_that_begin_with_a_hash_are_rows() {
    let text = "path,class\n1.png,cat\n#3.png,dog\n";
    assert_eq!(rows("l.csv", text).unwrap(), [pair("1.png", "cat"), pair("#3.png", "dog")]);
}

#[test]
fn wrong_rows_are_named_by_their_line() {
    let error = rows("l.csv", "path,class\n\"a\nb.png\",x\nc.png,\n").unwrap_err();
    assert!(error.contains("line 4 lacks"), "{error}");
    assert!(rows("l.csv", "path,class\nc.png,x\nd.png\n").unwrap_err().contains("line: 3"));
    assert!(
        rows("l.jsonl", "{\"path\": \"a\", \"label\": 1}\n\n{]\n").unwrap_err().contains("line 3")
    );
    let list = rows("l.jsonl", "{\"path\": \"a\", \"label\": [1, 2]}\n").unwrap_err();
    assert!(list.contains("row 1: field \"label\" is a list"), "{list}");
    let none = rows("l.json", "[{\"path\": \"a\", \"label\": 1}, {\"path\": \"b\"}]").unwrap_err();
    assert!(none.contains("row 2: field \"label\" is missing"), "{none}");
    let (_dir, path) = written("l.csv", "path,class\n");
    assert!(list_entries(&path).unwrap_err().to_string().contains("no image is in it"));
}

#[test]
fn json_lines_are_tables_too() {
    let text = "\u{feff}{\"file_name\":\"1.png\",\"label\":\"cat\"}\n{\"label\":7,\"file_name\":\"2.png\"}\n";
    assert_eq!(rows("metadata.jsonl", text).unwrap(), [pair("1.png", "cat"), pair("2.png", "7")]);
}

#[test]
fn rows_that_stand_twice_are_taken_once_and_named() {
    let (_dir, path) = written("l.csv", "path,class\nb.png,x\na.png,x\nb.png,x\na.png,y\n");
    let listing = list_entries(&path).unwrap();
    let order: Vec<_> =
        listing.entries.iter().map(|e| (e.path.ends_with("b.png"), &*e.class)).collect();
    assert_eq!(order, [(true, "x"), (false, "x"), (false, "y")], "in the table's order");
    let lines = listing.skipped.lines();
    assert!(
        lines[0].contains("1 rows of the table repeat") && lines[0].contains("b.png"),
        "{lines:?}"
    );
    assert!(lines[1].contains("a.png (x, y)"), "{lines:?}");
}

fn parquet(columns: [(&str, ArrayRef); 2]) -> Result<Vec<(String, String)>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write_all(&path, dir.path(), &RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    table_rows(&path).map_err(|error| error.to_string())
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn parquet_tables_are_read_whatever_their_columns_order() {
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![3]));
    let read = parquet([("label", labels), ("file_name", text(&["a.png"]))]);
    assert_eq!(read.unwrap(), [pair("a.png", "3")]);
    let empty = parquet([("path", text(&["a", "b"])), ("class", text(&["x", ""]))]).unwrap_err();
    assert!(empty.contains("row 2 lacks"), "{empty}");
}

#[test]
fn images_within_a_table_and_lists_of_labels_are_refused_by_name() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![b"\xff\xd8".as_slice()]));
    let image = Arc::new(Field::new("bytes", DataType::Binary, true));
    let both: ArrayRef = Arc::new(StructArray::from(vec![(image, bytes.clone())]));
    for (column, kind) in [(bytes, "(bytes)"), (both, "(struct with bytes)")] {
        let error = parquet([("image", column), ("label", text(&["x"]))]).unwrap_err();
        let expected = format!("column image holds the images themselves {kind}");
        assert!(error.contains(&expected) && error.len() < 300, "{error}");
    }
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), Some(2)])]);
    let error = parquet([("path", text(&["a"])), ("label", Arc::new(lists))]).unwrap_err();
    assert!(error.contains("column label holds lists"), "{error}");
}
