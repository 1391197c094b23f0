use super::*;
use crate::store::tables::columns::{described, write_all};
use crate::store::tables::latent_format::{LatentFormat, LatentType};
use crate::store::tables::latents::{LatentRow, write_latents};
use arrow::array::{Array, FixedSizeBinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

fn write(dir: &Path, name: &str, compress: bool, classes: &[(&str, usize)]) -> PathBuf {
    let latent = LatentFormat { dtype: LatentType::F16, shape: [1, 1, 2] };
    let format = PartFormat { latent, feature: Some(1) };
    let mut rows = Vec::new();
    for (class, count) in classes {
        for i in 0..*count {
            let (key, class) = (format!("{name}-{class}-{i}"), (*class).to_owned());
            let (index, offset) = (rows.len() as u32, 1024 * rows.len() as u64);
            rows.push(LatentRow { key, class, width: 3, height: 4, index, offset });
        }
    }
    let path = dir.join(name);
    write_latents(&path, dir, name, (format, compress), &rows, |i, out| {
        format.encode(&[i as f32, -0.5], &[100.0 + i as f32], out);
        Ok(())
    })
    .unwrap();
    path
}

#[test]
fn a_class_is_gathered_over_parts_and_single_rows_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let parts = [
        write(dir.path(), "p0", false, &[("a", 3), ("b", 2)]),
        write(dir.path(), "p1", true, &[("b", 4)]),
        write(dir.path(), "p2", true, &[]),
    ];
    let table = LatentTable::open(&parts).unwrap();
    assert_eq!(table.classes().into_iter().collect::<Vec<_>>(), [("a".into(), 3), ("b".into(), 6)]);
    let b = table.read_range("b", 0..6, Numbers::Latent).unwrap();
    assert_eq!(b.keys, ["p0-b-0", "p0-b-1", "p1-b-0", "p1-b-1", "p1-b-2", "p1-b-3"]);
    assert_eq!(b.values[..4], [3.0, -0.5, 4.0, -0.5]);
    let features = table.read_range("b", 1..4, Numbers::Feature).unwrap();
    assert_eq!(features.values, [104.0, 100.0, 101.0]);
    assert_eq!(features.keys, ["p0-b-1", "p1-b-0", "p1-b-1"]);
    let some = table.read_rows("b", &[5, 0, 2], Numbers::Latent).unwrap();
    assert_eq!(some.keys, ["p1-b-3", "p0-b-0", "p1-b-0"]);
    assert_eq!(some.values, [3.0, -0.5, 3.0, -0.5, 0.0, -0.5]);
    assert_eq!(some.offsets, [3072, 3072, 0]);
    assert!(
        table.read_rows("b", &[6], Numbers::Feature).unwrap_err().to_string().contains("no row 6")
    );
}

#[test]
fn what_is_not_a_part_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    std::fs::write(&path, "not parquet").unwrap();
    let message = LatentTable::open(&[path]).err().unwrap().to_string();
    assert!(message.contains("x.parquet"), "{message}");
}

/// A file whose metadata and content are of different minds.
fn write_odd(path: &Path, shape: &str, runs: &str) {
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("offset", DataType::UInt64, false),
        Field::new("latent", DataType::FixedSizeBinary(4), false),
    ]);
    let notes = [
        ("coda.latent.dtype", "f16".to_owned()),
        ("coda.latent.shape", shape.to_owned()),
        ("coda.classes", runs.to_owned()),
    ];
    let latents = FixedSizeBinaryArray::try_from_iter([[0u8; 4], [1; 4]].iter()).unwrap();
    let text = || Arc::new(StringArray::from(vec!["a", "b"]));
    let offsets = Arc::new(UInt64Array::from(vec![0, 512]));
    let columns: Vec<Arc<dyn Array>> = vec![text(), text(), offsets, Arc::new(latents)];
    let batch = RecordBatch::try_new(described(schema, "latents", &notes), columns).unwrap();
    write_all(path, path.parent().unwrap(), &batch).unwrap();
}

#[test]
fn metadata_that_do_not_fit_the_rows_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let open = || LatentTable::open(std::slice::from_ref(&path));
    for (shape, runs) in [
        ("1,1,2", r#"[["a",0,3]]"#),
        ("1,1,2", r#"[["a",2,1]]"#),
        ("1,1,2", r#"[["a",18446744073709551615,2]]"#),
        ("4294967296,4294967296,2", "[]"),
    ] {
        write_odd(&path, shape, runs);
        assert!(open().is_err(), "{shape} {runs}");
    }
    write_odd(&path, "1,1,2", r#"[["a",0,2]]"#);
    assert_eq!(open().unwrap().read_rows("a", &[1], Numbers::Latent).unwrap().keys, ["b"]);
    write_odd(&path, "1,1,3", r#"[["a",0,2]]"#);
    let error = open().unwrap().read_rows("a", &[1], Numbers::Latent).unwrap_err().to_string();
    assert!(error.contains("not as wide"), "{error}");
}
