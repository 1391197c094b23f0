use super::*;
use arrow::datatypes::Fields;

fn schema(columns: &[(&str, DataType)]) -> Schema {
    Schema::new(
        columns
            .iter()
            .map(|(name, kind)| Field::new(*name, kind.clone(), true))
            .collect::<Vec<_>>(),
    )
}

fn image() -> DataType {
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    DataType::Struct(Fields::from(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()))
}

fn list(kind: DataType) -> DataType {
    DataType::List(Field::new("item", kind, true).into())
}

fn said(schema: Schema, features: &str) -> Schema {
    let json = format!("{{\"info\": {{\"features\": {features}}}}}");
    schema.with_metadata(std::collections::HashMap::from([("huggingface".to_owned(), json)]))
}

#[test]
fn images_and_labels_are_found_by_type_and_name() {
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    for (columns, found) in [
        (vec![("image", image()), ("label", DataType::Int64)], ("image", "label")),
        (vec![("img", DataType::LargeBinary), ("Class", DataType::Utf8View)], ("img", "Class")),
        (vec![("hash", DataType::Binary), ("x", image()), ("y", dictionary)], ("x", "y")),
        (
            vec![
                ("label", list(DataType::Int8)),
                ("cls", DataType::Float64),
                ("b", DataType::BinaryView),
            ],
            ("b", "cls"),
        ),
        (vec![("mask", image()), ("image", image()), ("n", DataType::Int8)], ("image", "")),
        (vec![("left", image()), ("right", image())], ("", "")),
        (vec![("image", DataType::Utf8), ("pixels", list(DataType::UInt8))], ("", "")),
    ] {
        let columns = Columns::of(&schema(&columns));
        let label = columns.label.map_or_else(String::new, |label| label.name);
        let image = columns.image.map_or_else(String::new, |image| image.name);
        assert_eq!((image.as_str(), label.as_str()), found);
    }
}

#[test]
fn the_metadata_tells_labels_by_their_names() {
    let columns = [("img", image()), ("fine", DataType::Int64), ("coarse", DataType::Int64)];
    let one = said(schema(&columns), r#"{"fine": {"_type": "ClassLabel", "names": ["a"]}}"#);
    let label = Columns::of(&one).label.unwrap();
    assert_eq!((label.name.as_str(), label.names), ("fine", Some(vec!["a".to_owned()])));
    let two = said(
        schema(&columns),
        r#"{"fine": {"_type": "ClassLabel", "names": ["a"]}, "coarse": {"_type": "ClassLabel", "names": ["b"]}}"#,
    );
    let columns = Columns::of(&two);
    assert_eq!(columns.label, None);
    let reason = columns.no_label(&two).to_string();
    assert!(
        reason.contains("`coarse` (Int64)") && reason.ends_with("label = \"json:fine\""),
        "{reason}"
    );
}

#[test]
fn what_is_missing_is_named_with_its_cure() {
    for (columns, words) in [
        (vec![("images", list(image()))], "holds lists of images"),
        (vec![("path", DataType::Utf8)], "shards pack"),
        (vec![("x", DataType::Float32)], "`x` (Float32)"),
        (vec![], "it has none"),
    ] {
        let schema = schema(&columns);
        let reason = Columns::of(&schema).no_image(&schema).to_string();
        assert!(reason.contains(words), "{reason}");
    }
    let several = schema(&[("label", list(DataType::Int64))]);
    assert!(Columns::of(&several).no_label(&several).to_string().contains("holds lists"));
}
