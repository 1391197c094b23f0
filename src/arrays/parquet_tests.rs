use super::*;
use crate::store::tables::{
    EmbeddedRow, LatentRow, LatentType, PartFormat, write_all, write_embedding, write_latents,
};
use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Float32Type;
use std::sync::Arc;

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
    assert!(read(&path, Some("key")).unwrap_err().to_string().contains("of those it has latent"));
}

#[test]
fn lists_of_numbers_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("embedding.parquet");
    let row =
        |key: &str| EmbeddedRow { key: key.into(), shard: "s".into(), label: 0, probability: 1.0 };
    let rows = [row("a"), row("b")];
    write_embedding(&path, dir.path(), "c", &rows, vec![1.0, 2.0, 3.0, 4.0], 2).unwrap();
    let array = read(&path, Some("coordinates")).unwrap();
    assert_eq!(array, Array { shape: vec![2, 2], values: vec![1.0, 2.0, 3.0, 4.0] });
}

/// A table of these columns, read.
fn table(columns: Vec<(&str, ArrayRef)>, name: Option<&str>) -> Result<Array, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write_all(&path, dir.path(), &RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    read(&path, name).map_err(|error| error.to_string())
}

type Row<'a> = Option<&'a [Option<f32>]>;

fn lists(rows: &[Row<'_>]) -> ArrayRef {
    let rows = rows.iter().map(|row| row.map(<[Option<f32>]>::to_vec));
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows))
}

const ONE_TWO: Row<'_> = Some(&[Some(1.0), Some(2.0)]);

#[test]
fn names_with_dots_are_names() {
    let other = lists(&[Some(&[Some(9.0)])]);
    let columns = || vec![("emb", other.clone()), ("emb.v2", lists(&[ONE_TWO]))];
    assert_eq!(table(columns(), Some("emb.v2")).unwrap().values, [1.0, 2.0]);
    assert_eq!(table(columns(), Some("emb")).unwrap().values, [9.0]);
    assert_eq!(table(columns()[1..].to_vec(), None).unwrap().shape, [1, 2]);
}

#[test]
fn rows_that_are_empty_or_of_another_length_are_named() {
    let said = |rows: &[Row<'_>]| table(vec![("e", lists(rows))], None).unwrap_err();
    assert!(said(&[ONE_TWO, None]).contains("column \"e\": row 2 is empty"));
    let ragged = said(&[ONE_TWO, ONE_TWO, Some(&[Some(1.0)])]);
    assert!(ragged.contains("row 3 has 1 values, those before have 2"), "{ragged}");
    let hole = said(&[ONE_TWO, Some(&[Some(1.0), None])]);
    assert!(hole.contains("row 2 has no value at place 2"), "{hole}");
}

#[test]
fn a_column_a_feature_is_read_where_it_is_clear() {
    let fractions =
        |values: [f64; 2]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let columns = || {
        vec![("key", keys.clone()), ("f0", fractions([1.0, 2.0])), ("f1", fractions([3.0, 4.0]))]
    };
    let array = table(columns(), None).unwrap();
    assert_eq!((array.shape, array.values), (vec![2, 2], vec![1.0, 3.0, 2.0, 4.0]));
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    let doubtful = table([columns(), vec![("label", whole)]].concat(), None).unwrap_err();
    assert!(
        doubtful.contains("(f0, f1, label)") && doubtful.contains("no column of lists"),
        "{doubtful}"
    );
    let none = table(vec![("key", keys.clone())], None).unwrap_err();
    assert!(none.contains("no column of lists of numbers, but key (Utf8)"), "{none}");
    let named = table(columns(), Some("key")).unwrap_err();
    assert!(named.contains("column \"key\" is Utf8, no list of numbers"), "{named}");
}

#[test]
fn a_folder_of_parts_is_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, rows: &[Row<'_>]| {
        let batch = RecordBatch::try_from_iter([("e", lists(rows))]).unwrap();
        write_all(&dir.path().join(name), dir.path(), &batch).unwrap();
    };
    let read = || super::super::read(dir.path(), None).map_err(|error| error.to_string());
    assert!(read().unwrap_err().contains("a folder without Parquet files"));
    put("part-1.parquet", &[ONE_TWO]);
    put("part-0.parquet", &[Some(&[Some(5.0), Some(6.0)])]);
    std::fs::write(dir.path().join("_SUCCESS"), "").unwrap();
    let array = read().unwrap();
    assert_eq!((array.shape, array.values), (vec![2, 2], vec![5.0, 6.0, 1.0, 2.0]));
    put("part-2.parquet", &[Some(&[Some(5.0)])]);
    let error = read().unwrap_err();
    assert!(error.contains("part-2.parquet: its rows are [1]"), "{error}");
}
