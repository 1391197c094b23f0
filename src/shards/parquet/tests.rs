//! Parquet files as samples: what is read, in which order, and what is wrong with what is not.

use crate::shards::{FaultReason, ReadOptions, Sample, ShardFault, ShardIdentity, ShardPlace};
use arrow::array::RecordBatch;
use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, DictionaryArray, Int64Array, LargeBinaryArray,
    StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

type Items = Vec<Result<Sample, ShardFault>>;

fn png(level: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(2, 2, image::Rgb([level; 3]));
    crate::imaging::encode_png(&image).unwrap()
}

/// A struct of bytes and path, as Hugging Face writes images.
fn images(bytes: ArrayRef, paths: &[Option<&str>]) -> ArrayRef {
    let paths: ArrayRef = Arc::new(StringArray::from(paths.to_vec()));
    let field = |name: &str, column: &ArrayRef| {
        Arc::new(Field::new(name, column.data_type().clone(), true))
    };
    let fields =
        vec![(field("bytes", &bytes), bytes.clone()), (field("path", &paths), paths.clone())];
    Arc::new(StructArray::from(fields))
}

fn binary(values: &[Option<Vec<u8>>]) -> ArrayRef {
    Arc::new(BinaryArray::from_iter(values.iter().map(Option::as_deref)))
}

fn write(
    path: &Path,
    columns: Vec<(&str, ArrayRef)>,
    features: &str,
    properties: WriterProperties,
) {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let json = format!("{{\"info\": {{\"features\": {features}}}}}");
    let schema = Schema::new(fields)
        .with_metadata(std::collections::HashMap::from([("huggingface".to_owned(), json)]));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn small_groups() -> WriterProperties {
    WriterProperties::builder().set_max_row_group_row_count(Some(3)).build()
}

fn read(path: &Path, extensions: Option<&[&str]>) -> Items {
    read_at(path, 0, extensions)
}

fn read_at(path: &Path, offset: u64, extensions: Option<&[&str]>) -> Items {
    let extensions = extensions.map(|all| all.iter().map(|e| (*e).to_owned()).collect());
    let options = ReadOptions { extensions, ..ReadOptions::default() };
    let place = ShardPlace::File(path.to_owned());
    match place.open_at(offset, &ShardIdentity::default(), options) {
        Ok(reader) => reader.collect(),
        Err(fault) => vec![Err(fault)],
    }
}

/// Keys with members, or with codes of faults.
fn outline(items: &Items) -> Vec<String> {
    let line = |item: &Result<Sample, ShardFault>| match item {
        Ok(sample) => {
            let members = sample.members.iter().map(|member| match member.extension.as_str() {
                "png" => "png".to_owned(),
                extension => format!("{extension}={}", String::from_utf8_lossy(&member.bytes)),
            });
            format!("{}@{}:{}", sample.key, sample.offset, members.collect::<Vec<_>>().join(","))
        }
        Err(fault) => {
            let end = if fault.fatal { "*" } else { "" };
            format!("{}!{}{end}", fault.key.as_deref().unwrap_or_default(), fault.reason.code())
        }
    };
    items.iter().map(line).collect()
}

const FEATURES: &str =
    r#"{"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}"#;

/// Seven rows in groups of three, two of them of one name.
fn seven(path: &Path) {
    let bytes = binary(&(0..7).map(|row| Some(png(row))).collect::<Vec<_>>());
    let names = ["a.png", "b.png", "a.png", "d/c.png", "e.png", "", "g.png"].map(Some);
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 0, 1, 0, 1, 0]));
    write(
        path,
        vec![("image", images(bytes, &names)), ("label", labels)],
        FEATURES,
        small_groups(),
    );
}

#[test]
fn rows_are_samples_in_order_with_the_names_of_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train-0.parquet");
    seven(&path);
    let all = read(&path, None);
    let expected = [
        "a_0@0:cls=0,png,txt=cat",
        "b@1:cls=1,png,txt=dog",
        "a_2@2:cls=0,png,txt=cat",
        "d/c@3:cls=1,png,txt=dog",
        "e@4:cls=0,png,txt=cat",
        "train-0_5@5:cls=1,png,txt=dog",
        "g@6:cls=0,png,txt=cat",
    ];
    assert_eq!(outline(&all), expected);
    assert_eq!(all[3].as_ref().unwrap().get("png").unwrap(), png(3));
    assert_eq!(outline(&read(&path, Some(&["cls"])))[1], "b@1:cls=1");
    assert_eq!(outline(&read(&path, Some(&["txt"])))[1], "b@1:txt=dog");
    assert_eq!(outline(&read(&path, Some(&["json"])))[1], "b@1:json={\"label\":1}");
    assert_eq!(outline(&read(&path, Some(&["label"])))[1], "b@1:label=1");
    let unread = read(&path, Some(&["cls"]));
    let place = &unread[0].as_ref().unwrap().places[1];
    assert!(
        place.extension == "png" && place.size > 0,
        "an image that is there is told of: {place:?}"
    );
}

#[test]
fn reading_begins_anywhere_and_takes_rows_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train-0.parquet");
    seven(&path);
    let all = read(&path, None);
    for first in 0..8 {
        let from = read_at(&path, first, None);
        assert_eq!(from.len(), 7_usize.saturating_sub(first as usize));
        for (number, (one, same)) in from.iter().zip(&all[first as usize..]).enumerate() {
            let (one, same) = (one.as_ref().unwrap(), same.as_ref().unwrap());
            assert_eq!((one.offset, one.index), (number as u64, number));
            assert_eq!((&one.key, &one.members), (&same.key, &same.members));
        }
    }
    let (place, known) = (ShardPlace::File(path), ShardIdentity::default());
    for rows in [vec![0], vec![6], vec![1, 2, 5], vec![3, 4], (0..7).collect()] {
        let some = place.open_some(&rows, &known, &ReadOptions::default()).unwrap().unwrap();
        let expected: Vec<Sample> =
            rows.iter().map(|&row| all[row as usize].clone().unwrap()).collect();
        assert_eq!(some.collect::<Result<Vec<_>, _>>().unwrap(), expected);
    }
    assert!(place.is_seekable(&known, &ReadOptions::default()).unwrap());
}

#[test]
fn every_kind_of_column_and_codec_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let values = [Some(png(1)), Some(png(2))];
    let bytes: Vec<&[u8]> = values.iter().flatten().map(Vec::as_slice).collect();
    let words: DictionaryArray<Int32Type> = vec!["cat", "dog"].into_iter().collect();
    let kinds: [ArrayRef; 4] = [
        binary(&values),
        Arc::new(LargeBinaryArray::from(bytes.clone())),
        Arc::new(BinaryViewArray::from(bytes)),
        arrow::compute::cast(
            &binary(&values),
            &DataType::Dictionary(DataType::Int32.into(), DataType::Binary.into()),
        )
        .unwrap(),
    ];
    let codecs = [
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ];
    for (number, (column, codec)) in kinds.into_iter().zip(codecs).enumerate() {
        let in_struct = images(column.clone(), &[None, None]);
        for (name, column) in [("img", column), ("picture", in_struct)] {
            let path = dir.path().join(format!("{number}.parquet"));
            let labels: ArrayRef = Arc::new(words.clone());
            let properties = WriterProperties::builder().set_compression(codec).build();
            write(&path, vec![(name, column), ("class", labels)], "{}", properties);
            let expected =
                [format!("{number}_0@0:cls=cat,png"), format!("{number}_1@1:cls=dog,png")];
            assert_eq!(outline(&read(&path, Some(&["png", "cls"]))), expected, "{name}");
        }
    }
}

#[test]
fn a_bad_row_is_named_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let bytes = binary(&[
        Some(png(0)),
        None,
        None,
        Some(b"<html>no</html>".to_vec()),
        Some(png(4)),
        Some(png(5)),
        Some(png(6)),
        Some(png(7)),
    ]);
    let names = [
        Some("0.png"),
        Some("only/path.png"),
        None,
        Some("3.png"),
        Some("4.png"),
        Some("5.png"),
        None,
        Some("7.png"),
    ];
    let labels = Int64Array::from(vec![
        Some(0),
        Some(1),
        Some(1),
        Some(1),
        None,
        Some(-1),
        Some(2),
        Some(1),
    ]);
    let labels: ArrayRef = Arc::new(labels);
    write(
        &path,
        vec![("image", images(bytes, &names)), ("label", labels)],
        FEATURES,
        small_groups(),
    );
    let items = read(&path, Some(&["png", "jpg", "cls"]));
    let expected = [
        "0@0:cls=0,png",
        "only/path!no_image",
        "x_2!no_image",
        "3!no_image",
        "4!no_label",
        "5!no_label",
        "x_6!bad_label",
        "7@7:cls=1,png",
    ];
    assert_eq!(outline(&items), expected);
    let says = |row: usize| items[row].as_ref().unwrap_err().to_string();
    assert!(
        says(1).contains("`only/path.png` and no bytes") && says(1).contains("embed_table_storage")
    );
    assert!(says(3).contains("an HTML page"), "{}", says(3));
    // A reader that wants no label passes the rows on.
    assert_eq!(outline(&read(&path, None))[5], "5@5:cls=-1,png");
    let small = ReadOptions { max_member_bytes: 10, ..ReadOptions::default() };
    let mut reader = crate::shards::ShardReader::open(&path, small).unwrap();
    assert_eq!(reader.next().unwrap().unwrap_err().reason.code(), "member_too_large");
}

#[test]
fn several_images_a_row_have_their_columns_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let column = |level| images(binary(&[Some(png(level))]), &[None]);
    let masked = vec![("image", column(1)), ("Mask", column(2))];
    write(&path, masked, "{}", WriterProperties::default());
    assert_eq!(outline(&read(&path, Some(&["png"]))), ["x_0@0:png"]);
    let mask = read(&path, Some(&["mask.png"]));
    assert_eq!(mask[0].as_ref().unwrap().get("mask.png").unwrap(), png(2));
    assert_eq!(read(&path, None)[0].as_ref().unwrap().members.len(), 2);
    write(
        &path,
        vec![("left", column(1)), ("right", column(2))],
        "{}",
        WriterProperties::default(),
    );
    let neither = read(&path, Some(&["jpg", "png"]));
    let reason = neither[0].as_ref().unwrap().image(&["png".to_owned()]).unwrap_err().to_string();
    assert!(reason.ends_with("[data] image = \"left.png\""), "{reason}");
}

#[test]
fn what_is_no_image_set_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a.png"]));
    write(&path, vec![("image", text.clone())], "{}", WriterProperties::default());
    assert_eq!(outline(&read(&path, None)), ["!no_image*"]);
    let bytes = binary(&[Some(png(0))]);
    write(&path, vec![("image", bytes), ("caption", text)], "{}", WriterProperties::default());
    let items = read(&path, Some(&["png", "cls"]));
    assert_eq!(outline(&items), ["!no_label*"]);
    let says = items[0].as_ref().unwrap_err().to_string();
    assert!(says.contains("`caption` (Utf8)") && says.contains("json:caption"), "{says}");
    assert_eq!(outline(&read(&path, Some(&["txt"]))), ["!no_label*"]);
}

#[test]
fn damaged_files_are_faults_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    seven(&path);
    let whole = std::fs::read(&path).unwrap();
    for (bytes, word) in [
        (&whole[..whole.len() - 1], "cut off"),
        (&whole[..4], "cut off"),
        (&[&whole[..whole.len() - 4], b"PARE"].concat()[..], "encrypted"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let items = read(&path, None);
        assert_eq!(outline(&items), ["!bad_parquet*"]);
        assert!(items[0].as_ref().unwrap_err().to_string().contains(word));
    }
    // Wherever a byte is another one, reading ends; what it says is the library's.
    let mut state = 7_u64;
    for _ in 0..1500 {
        let mut damaged = whole.clone();
        for _ in 0..=(state >> 40) % 3 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = 4 + (state >> 33) as usize % (damaged.len() - 8);
            damaged[at] = (state >> 20) as u8;
        }
        std::fs::write(&path, &damaged).unwrap();
        let items = read(&path, None);
        assert!(items.len() <= 8, "{}", items.len());
        let io = |item: &Result<Sample, ShardFault>| {
            matches!(item, Err(ShardFault { reason: FaultReason::ReadFailed { .. }, .. }))
        };
        assert!(!items.iter().any(io), "{:?}", outline(&items));
    }
}
