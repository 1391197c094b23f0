//! Parquet files as Hugging Face's `datasets` writes and reads them: an `image` of bytes and path, a `label` with the names
//! of the classes in the schema's metadata.

use super::Files;
use super::error::ExportError;
use super::labels::label_names;
use super::set::{Row, Set};
use crate::store::AtomicFile;
use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Bytes of images in a file, about; what Hugging Face's own files have.
const FILE_BYTES: u64 = 500 << 20;
/// Rows of a group: what a viewer reads to show one image.
const GROUP_ROWS: usize = 100;

/// The columns beside `image` and `label`, and their types in Hugging Face's words.
pub(super) const COLUMNS: [(&str, &str); 7] = [
    ("class", "string"),
    ("key", "string"),
    ("rank", "int32"),
    ("core", "string"),
    ("prompt", "string"),
    ("seed", "uint64"),
    ("real", "bool"),
];

/// Writes `data/train-NNNNN-of-NNNNN.parquet`.
pub(super) fn write(files: &mut Files, set: &Set) -> Result<(), ExportError> {
    let schema = Arc::new(schema(set));
    let lengths = file_lengths(&set.rows);
    let mut writing: Option<Table> = None;
    let (mut number, mut left) = (0, 0);
    set.each_image(|row, image| {
        if left == 0 {
            if let Some(done) = writing.take() {
                files.finish(done.finish()?)?;
            }
            let name = format!("data/train-{number:05}-of-{:05}.parquet", lengths.len());
            left = lengths.get(number).copied().unwrap_or(usize::MAX);
            writing = Some(Table::create(files, &name, schema.clone())?);
            number += 1;
        }
        left -= 1;
        match writing.as_mut() {
            Some(table) => table.push(set, row, image),
            None => Ok(()),
        }
    })?;
    match writing {
        Some(table) => files.finish(table.finish()?),
        None => Ok(()),
    }
}

/// Rows of each file: no file is much longer than [`FILE_BYTES`].
fn file_lengths(rows: &[Row]) -> Vec<usize> {
    let (mut lengths, mut bytes) = (Vec::new(), u64::MAX);
    for row in rows {
        if bytes.saturating_add(row.bytes) > FILE_BYTES {
            lengths.push(0);
            bytes = 0;
        }
        bytes += row.bytes;
        if let Some(last) = lengths.last_mut() {
            *last += 1;
        }
    }
    lengths
}

fn image_fields() -> Fields {
    let field = |name, kind| Field::new(name, kind, true);
    Fields::from(vec![field("bytes", DataType::Binary), field("path", DataType::Utf8)])
}

fn schema(set: &Set) -> Schema {
    let mut fields = vec![
        Field::new("image", DataType::Struct(image_fields()), true),
        Field::new("label", DataType::Int64, true),
    ];
    fields.extend(COLUMNS.map(|(name, kind)| Field::new(name, arrow_type(kind), true)));
    let features = json!({"info": {"features": features(set)}});
    let metadata = HashMap::from([("huggingface".to_owned(), features.to_string())]);
    Schema::new(fields).with_metadata(metadata)
}

fn arrow_type(kind: &str) -> DataType {
    match kind {
        "int32" => DataType::Int32,
        "uint64" => DataType::UInt64,
        "bool" => DataType::Boolean,
        _ => DataType::Utf8,
    }
}

/// The features in the words of `datasets`.
fn features(set: &Set) -> Value {
    let mut features = json!({
        "image": {"_type": "Image"},
        "label": {"names": label_names(&set.classes), "_type": "ClassLabel"},
    });
    for (name, kind) in COLUMNS {
        features[name] = json!({"dtype": kind, "_type": "Value"});
    }
    features
}

/// A file being written.
struct Table {
    path: std::path::PathBuf,
    schema: Arc<Schema>,
    writer: ArrowWriter<AtomicFile>,
    rows: Vec<(Row, String, Vec<u8>)>,
}

impl Table {
    fn create(files: &Files, name: &str, schema: Arc<Schema>) -> Result<Self, ExportError> {
        let path = files.root.join(name);
        // Compressed images gain nothing; a fixed author, so that bytes depend on content alone.
        let image = ::parquet::schema::types::ColumnPath::new(vec!["image".into(), "bytes".into()]);
        let properties = WriterProperties::builder()
            .set_created_by(concat!("coda-pipe ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_compression(image.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(image, false)
            .build();
        let writer = ArrowWriter::try_new(files.create(name)?, schema.clone(), Some(properties))
            .map_err(ExportError::table(&path))?;
        Ok(Self { path, schema, writer, rows: Vec::new() })
    }

    fn push(&mut self, set: &Set, row: &Row, image: Vec<u8>) -> Result<(), ExportError> {
        let class = set.classes.get(row.class).map_or("", |class| &class.key);
        self.rows.push((row.clone(), class.to_owned(), image));
        if self.rows.len() == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.rows);
        let batch = batch(&self.schema, &rows, &self.path)?;
        self.writer.write(&batch).map_err(ExportError::table(&self.path))?;
        self.writer.flush().map_err(ExportError::table(&self.path))
    }

    fn finish(mut self) -> Result<AtomicFile, ExportError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.writer.into_inner().map_err(ExportError::table(&self.path))
    }
}

fn batch(
    schema: &Arc<Schema>,
    rows: &[(Row, String, Vec<u8>)],
    path: &Path,
) -> Result<RecordBatch, ExportError> {
    let mut bytes = BinaryBuilder::new();
    rows.iter().for_each(|(_, _, image)| bytes.append_value(image));
    let files: StringArray =
        rows.iter().map(|(row, ..)| Some(format!("{}.png", row.key))).collect();
    let image = StructArray::try_new(
        image_fields(),
        vec![Arc::new(bytes.finish()) as ArrayRef, Arc::new(files)],
        None,
    );
    let text = |of: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(|(row, ..)| of(row)).collect::<StringArray>())
    };
    let each = || rows.iter().map(|(row, ..)| row);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(image.map_err(ExportError::table(path))?),
        Arc::new(Int64Array::from_iter_values(each().map(|row| row.class as i64))),
        Arc::new(rows.iter().map(|(_, class, _)| Some(class.as_str())).collect::<StringArray>()),
        text(|row| Some(&row.key)),
        Arc::new(Int32Array::from_iter_values(each().map(|row| row.rank))),
        text(|row| Some(&row.core)),
        text(|row| row.prompt.as_deref()),
        Arc::new(each().map(|row| row.seed).collect::<UInt64Array>()),
        Arc::new(each().map(|row| Some(row.real)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(schema.clone(), columns).map_err(ExportError::table(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: &[u64]) -> Vec<Row> {
        let row = |&bytes: &u64| Row {
            key: "a_0000".into(),
            class: 0,
            bytes,
            rank: 0,
            core: String::new(),
            prompt: None,
            seed: None,
            real: true,
        };
        lengths.iter().map(row).collect()
    }

    #[test]
    fn files_are_cut_where_they_would_be_too_long() {
        let most = FILE_BYTES;
        assert_eq!(file_lengths(&rows(&[1, 2, 3])), [3]);
        assert_eq!(file_lengths(&rows(&[most, 1, most - 1, 1])), [1, 2, 1]);
        assert_eq!(file_lengths(&rows(&[most + 5, most + 5])), [1, 1]);
        assert!(file_lengths(&[]).is_empty());
    }
}
