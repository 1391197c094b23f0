//! `encode/part-*.parquet`: the latents of one shard, sorted by class.

use super::columns::{described, properties};
use super::latent_format::PartFormat;
use crate::store::{AtomicFile, StoreError, Written};
use arrow::array::{
    ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::path::Path;
use std::sync::Arc;

/// One encoded sample, without its latent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatentRow {
    /// Sample key.
    pub key: String,
    /// Class key.
    pub class: String,
    /// Width of the source image in pixels.
    pub width: u32,
    /// Height of the source image in pixels.
    pub height: u32,
    /// Position of the sample in its shard, from 0.
    pub index: u32,
    /// Byte offset of the sample's first header in the uncompressed shard.
    pub offset: u64,
}

/// Bytes of latents in one row group: what writer and reader hold at once.
const GROUP_BYTES: usize = 64 << 20;
/// Bytes of latents in one page: what reading a single row costs.
const PAGE_BYTES: usize = 256 << 10;

/// Writes one part. `rows` are in their final order, sorted by class; `image(i, out)` appends the stored bytes of the
/// i-th ([`PartFormat::encode`]) to `out`, so that only a row group is in memory. With `compress`,
/// latents and features are compressed.
///
/// # Errors
/// If `image` fails or the file can't be written.
pub fn write_latents(
    path: &Path,
    root: &Path,
    shard: &str,
    (format, compress): (PartFormat, bool),
    rows: &[LatentRow],
    mut image: impl FnMut(usize, &mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Written, StoreError> {
    let schema = part_schema(path, format, rows)?;
    let per_group = group_rows(format);
    let settings = part_properties(format, compress, per_group);
    let file = AtomicFile::create(path)?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(settings))
        .map_err(StoreError::table(path))?;
    for (group, chunk) in rows.chunks(per_group).enumerate() {
        let mut latents = Vec::with_capacity(chunk.len() * format.bytes());
        let mut features = Vec::with_capacity(chunk.len() * format.feature_bytes());
        for i in 0..chunk.len() {
            image(group * per_group + i, &mut latents)?;
            features.extend(latents.drain(latents.len() - format.feature_bytes()..));
        }
        let batch = part_batch(&schema, shard, format, chunk, (latents, features));
        let batch = batch.map_err(StoreError::table(path))?;
        writer.write(&batch).map_err(StoreError::writing_table(path))?;
        writer.flush().map_err(StoreError::writing_table(path))?;
    }
    writer.into_inner().map_err(StoreError::writing_table(path))?.publish(root)
}

/// Rows of a row group at most.
pub(super) fn group_rows(format: PartFormat) -> usize {
    (GROUP_BYTES / format.bytes().max(1)).clamp(1, 8192)
}

fn part_schema(
    path: &Path,
    format: PartFormat,
    rows: &[LatentRow],
) -> Result<Arc<Schema>, StoreError> {
    let binary = |name: &str, bytes: usize| {
        let width = i32::try_from(bytes).map_err(StoreError::table(path))?;
        Ok::<_, StoreError>(Field::new(name, DataType::FixedSizeBinary(width), false))
    };
    let mut fields = vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("class", DataType::Utf8, false),
        Field::new("width", DataType::UInt32, false),
        Field::new("height", DataType::UInt32, false),
        Field::new("index", DataType::UInt32, false),
        Field::new("offset", DataType::UInt64, false),
        binary("latent", format.latent.bytes())?,
    ];
    if format.feature.is_some() {
        fields.push(binary("feature", format.feature_bytes())?);
    }
    let mut metadata = format.metadata();
    let runs = rows.chunk_by(|a, b| a.class == b.class);
    let runs = runs.map(|run| (run[0].class.as_str(), run.len()));
    metadata.push(("coda.classes", class_runs(runs)));
    Ok(described(Schema::new(fields), "latents", &metadata))
}

/// `[["class", first row, rows], …]`: where each class stands, so that reading one needs no search.
pub(super) fn class_runs<'a>(classes: impl Iterator<Item = (&'a str, usize)>) -> String {
    let mut first = 0;
    let runs = classes.map(|(class, rows)| {
        let run = serde_json::json!([class, first, rows]);
        first += rows;
        run
    });
    serde_json::Value::Array(runs.collect()).to_string()
}

/// How files of encoded images are written: those of encode, and class-major ones.
pub(super) fn part_properties(
    format: PartFormat,
    compress: bool,
    per_group: usize,
) -> WriterProperties {
    let per_page = (PAGE_BYTES / format.bytes().max(1)).clamp(1, 1024);
    let mut settings = properties()
        .set_max_row_group_row_count(Some(per_group))
        .set_write_batch_size(per_page)
        .set_data_page_size_limit(PAGE_BYTES);
    // High bytes repeat and low ones don't: side by side, the first compress.
    let (compression, encoding) = match compress {
        true => (Compression::ZSTD(ZstdLevel::default()), Encoding::BYTE_STREAM_SPLIT),
        false => (Compression::UNCOMPRESSED, Encoding::PLAIN),
    };
    for name in ["latent", "feature"] {
        let column = ColumnPath::new(vec![name.into()]);
        settings = settings
            .set_column_compression(column.clone(), compression)
            .set_column_encoding(column.clone(), encoding)
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    settings.build()
}

fn part_batch(
    schema: &Arc<Schema>,
    shard: &str,
    format: PartFormat,
    rows: &[LatentRow],
    (latents, features): (Vec<u8>, Vec<u8>),
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |of: fn(&LatentRow) -> &String| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number =
        |of: fn(&LatentRow) -> u32| Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)));
    let shards = StringArray::from_iter_values(rows.iter().map(|_| shard));
    let offsets = UInt64Array::from_iter_values(rows.iter().map(|r| r.offset));
    let binary = |width: usize, raw: Vec<u8>| {
        FixedSizeBinaryArray::try_new(width as i32, Buffer::from_vec(raw), None)
    };
    let mut columns: Vec<ArrayRef> = vec![
        text(|r| &r.key),
        Arc::new(shards),
        text(|r| &r.class),
        number(|r| r.width),
        number(|r| r.height),
        number(|r| r.index),
        Arc::new(offsets),
        Arc::new(binary(format.latent.bytes(), latents)?),
    ];
    if format.feature.is_some() {
        columns.push(Arc::new(binary(format.feature_bytes(), features)?));
    }
    RecordBatch::try_new(schema.clone(), columns)
}
