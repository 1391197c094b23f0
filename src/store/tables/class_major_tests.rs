use super::*;
use crate::store::tables::latent_format::{LatentFormat, LatentType};
use crate::store::tables::latents::{LatentRow, write_latents};
use crate::store::tables::{ClassMajorContents, LatentTable, Numbers};
use arrow::array::{StringArray, UInt64Array};
use arrow::datatypes::{Field, UInt32Type};

const CLASSES: [&str; 3] = ["a", "b", "c"];

fn format(feature: Option<usize>) -> PartFormat {
    PartFormat { latent: LatentFormat { dtype: LatentType::F16, shape: [1, 1, 2] }, feature }
}

/// A part with so many images of each class; what an image holds tells part, class and number.
fn write_part(dir: &Path, part: usize, counts: [usize; 3], format: PartFormat, compress: bool) {
    let mut rows = Vec::new();
    for (class, count) in CLASSES.iter().zip(counts) {
        for i in 0..count {
            let (index, offset) = (rows.len() as u32, (1 << 20) * part as u64 + rows.len() as u64);
            let key = format!("{part}-{class}-{i}");
            rows.push(LatentRow {
                key,
                class: (*class).into(),
                width: 3,
                height: 4,
                index,
                offset,
            });
        }
    }
    let (path, shard) = (dir.join(format!("p{part}")), format!("shard-{part}"));
    write_latents(&path, dir, &shard, (format, compress), &rows, |i, out| {
        format.encode(&[part as f32, i as f32], &[0.5][..format.feature.unwrap_or(0)], out);
        Ok(())
    })
    .unwrap();
}

/// Makes a file of the classes `range` of these parts, taking so many parts at a time.
fn compact(
    dir: &Path,
    parts: &[[usize; 3]],
    range: Range<usize>,
    at_once: usize,
    compress: bool,
) -> Result<(Written, ClassMajorContents), StoreError> {
    let counts = |class: usize| parts.iter().map(|counts| counts[class]).sum();
    let classes = range.clone().map(|class| (CLASSES[class].to_owned(), counts(class))).collect();
    let names: Vec<String> = (0..parts.len()).map(|part| format!("p{part}")).collect();
    let spans = |counts: &[usize; 3]| -> Vec<Span> {
        let first = |class: usize| counts[..class].iter().sum();
        let span = |class: usize| Span {
            class: class - range.start,
            first: first(class),
            rows: counts[class],
        };
        range.clone().map(span).collect()
    };
    let format = format(Some(1));
    let mut file = ClassMajorFile::create(&dir.join("group"), format, classes)?;
    let wanted: Vec<(&str, Vec<Span>)> =
        names.iter().zip(parts).map(|(name, counts)| (&name[..], spans(counts))).collect();
    for some in wanted.chunks(at_once) {
        file.add(&RunDir::new(dir), some)?;
    }
    file.finish(dir, compress)
}

fn write_parts(dir: &Path, parts: &[[usize; 3]]) {
    for (part, counts) in parts.iter().enumerate() {
        write_part(dir, part, *counts, format(Some(1)), part % 2 == 1);
    }
}

const PARTS: [[usize; 3]; 4] = [[2, 3, 1], [0, 2, 0], [0, 0, 0], [1, 0, 700]];

#[test]
fn rows_of_a_class_stand_together_in_the_order_of_the_parts() {
    let dir = tempfile::tempdir().unwrap();
    write_parts(dir.path(), &PARTS);
    let (written, contents) = compact(dir.path(), &PARTS, 0..3, 4, false).unwrap();
    let said: Vec<_> = contents.classes.iter().map(|(key, rows, _)| (&key[..], *rows)).collect();
    assert_eq!(said, [("a", 3), ("b", 5), ("c", 701)]);
    let table = LatentTable::open(&[dir.path().join(&written.file)]).unwrap();
    let parts: Vec<_> = (0..4).map(|part| dir.path().join(format!("p{part}"))).collect();
    let scattered = LatentTable::open(&parts).unwrap();
    assert_eq!(table.classes(), scattered.classes());
    for (class, rows) in table.classes() {
        for numbers in [Numbers::Latent, Numbers::Feature] {
            let together = table.read_range(&class, 0..rows, numbers).unwrap();
            assert_eq!(
                together,
                scattered.read_range(&class, 0..rows, numbers).unwrap(),
                "{class}"
            );
            let some = [rows - 1, 0, rows / 2];
            assert_eq!(
                table.read_rows(&class, &some, numbers).unwrap(),
                scattered.read_rows(&class, &some, numbers).unwrap(),
            );
        }
    }
    let b = table.read_range("b", 0..5, Numbers::Latent).unwrap();
    assert_eq!(b.keys, ["0-b-0", "0-b-1", "0-b-2", "1-b-0", "1-b-1"]);
    assert_eq!(b.shards[2..4], ["shard-0", "shard-1"]);
    assert_eq!(b.values, [0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 1.0, 0.0, 1.0, 1.0]);
    let all = crate::store::tables::read_all(&dir.path().join(&written.file)).unwrap();
    let index = all.column_by_name("index").unwrap().as_primitive::<UInt32Type>();
    assert_eq!(index.values()[..8], [0, 1, 0, 2, 3, 4, 0, 1], "every column came along");
}

#[test]
fn bytes_depend_on_the_rows_alone_and_digests_on_the_rows_of_their_class() {
    let dir = tempfile::tempdir().unwrap();
    write_parts(dir.path(), &PARTS);
    let whole = compact(dir.path(), &PARTS, 0..3, 4, false).unwrap();
    assert_eq!(compact(dir.path(), &PARTS, 0..3, 1, false).unwrap(), whole, "part by part");
    let digest = |found: &ClassMajorContents, class: &str| {
        found.classes.iter().find(|(key, ..)| key == class).map(|(_, _, digest)| digest.clone())
    };
    let (_, of_two) = compact(dir.path(), &PARTS, 1..3, 4, true).unwrap();
    for class in ["b", "c"] {
        assert_eq!(digest(&of_two, class), digest(&whole.1, class), "other groups, compressed");
    }
    // Another image of `b` in the second part: nothing else.
    let mut other = PARTS;
    other[1][1] = 3;
    write_parts(dir.path(), &other);
    let (_, changed) = compact(dir.path(), &other, 0..3, 4, false).unwrap();
    let same = CLASSES.map(|class| digest(&changed, class) == digest(&whole.1, class));
    assert_eq!(same, [true, false, true]);
}

#[test]
fn a_part_that_is_not_what_was_said_of_it_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write_parts(dir.path(), &PARTS);
    let refused = |said: [usize; 3]| {
        let mut parts = PARTS;
        parts[0] = said;
        let error = compact(dir.path(), &parts, 0..3, 4, false).unwrap_err().to_string();
        assert!(error.contains("p0") && error.contains("other images"), "{error}");
    };
    refused([3, 2, 1]);
    refused([2, 3, 2]);
    // Another column.
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("class", DataType::Utf8, false),
        Field::new("offset", DataType::UInt64, false),
        Field::new("latent", DataType::FixedSizeBinary(4), false),
        Field::new("feature", DataType::FixedSizeBinary(4), false),
    ]);
    let mut notes = format(Some(1)).metadata();
    notes.push(("coda.classes", "[]".into()));
    let wide = || Arc::new(FixedSizeBinaryArray::try_from_iter([[0u8; 4]].iter()).unwrap());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["k"])),
        Arc::new(StringArray::from(vec!["a"])),
        Arc::new(UInt64Array::from(vec![0])),
        wide(),
        wide(),
    ];
    let batch = RecordBatch::try_new(described(schema, "latents", &notes), columns).unwrap();
    crate::store::tables::write_all(&dir.path().join("p3"), dir.path(), &batch).unwrap();
    let mut parts = PARTS;
    parts[3] = [1, 0, 0];
    let error = compact(dir.path(), &parts, 0..3, 4, false).unwrap_err().to_string();
    assert!(error.contains("p3") && error.contains("columns"), "{error}");
    assert!(!dir.path().join("group").exists(), "nothing half made is left");
}

#[test]
fn small_classes_share_row_groups_and_large_ones_have_several() {
    let groups = row_groups(&[20, 0, 30, 10_000, 5, 5], 1 << 10, 4096);
    assert_eq!(groups, [0..50, 50..4146, 4146..8242, 8242..10_050, 10_050..10_060]);
    let wide = row_groups(&[2, 3], 1 << 20, 64);
    assert_eq!(wide, [0..2, 2..5]);
    assert!(row_groups(&[], 1, 8).is_empty());
}
