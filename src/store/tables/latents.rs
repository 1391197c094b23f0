//! `encode/part-*.parquet`: the latents of one shard, sorted by class.

use super::columns::{described, properties};
use crate::store::{AtomicFile, StoreError, Written};
use arrow::array::{FixedSizeBinaryArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Metadata, Schema};
use half::f16;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// How latents are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LatentType {
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
}

impl LatentType {
    /// Bytes a value takes.
    pub fn width(self) -> usize {
        match self {
            LatentType::F16 => 2,
            LatentType::F32 => 4,
        }
    }

    /// `f16` or `f32`.
    pub fn name(self) -> &'static str {
        match self {
            LatentType::F16 => "f16",
            LatentType::F32 => "f32",
        }
    }
}

/// What the bytes of a latent mean: little-endian numbers of `dtype`, `shape` = channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatentFormat {
    /// The numbers' type.
    pub dtype: LatentType,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

impl LatentFormat {
    /// Values of one latent.
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of one latent.
    pub fn bytes(&self) -> usize {
        self.values() * self.dtype.width()
    }

    /// Appends `latent` to `out` as it is stored.
    pub fn encode(&self, latent: &[f32], out: &mut Vec<u8>) {
        match self.dtype {
            LatentType::F16 => {
                out.extend(latent.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
            }
            LatentType::F32 => out.extend(latent.iter().flat_map(|v| v.to_le_bytes())),
        }
    }

    /// Appends stored bytes to `out` as numbers.
    pub fn decode(&self, raw: &[u8], out: &mut Vec<f32>) {
        match self.dtype {
            LatentType::F16 => out.extend(
                raw.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()),
            ),
            LatentType::F32 => {
                out.extend(raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
        }
    }

    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let [c, h, w] = self.shape;
        vec![
            ("coda.latent.dtype", self.dtype.name().to_owned()),
            ("coda.latent.shape", format!("{c},{h},{w}")),
            ("coda.latent.byte_order", "little".to_owned()),
        ]
    }

    pub(crate) fn from_metadata(metadata: &Metadata) -> Result<Self, String> {
        let get = |name: &str| metadata.get(name).map(String::as_str).unwrap_or_default();
        let dtype = match get("coda.latent.dtype") {
            "f16" => LatentType::F16,
            "f32" => LatentType::F32,
            other => return Err(format!("its metadata give the latent type {other:?}")),
        };
        let shape: Vec<usize> =
            get("coda.latent.shape").split(',').filter_map(|n| n.parse().ok()).collect();
        let shape = shape.try_into().map_err(|_| "its metadata give no latent shape".to_owned())?;
        Ok(Self { dtype, shape })
    }
}

/// One encoded sample, without its latent.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Writes one part. `rows` are in their final order, sorted by class; `latent(i, out)` appends the stored bytes of the
/// i-th to `out`, so that only a row group is in memory.
///
/// # Errors
/// If `latent` fails or the file can't be written.
pub fn write_latents(
    path: &Path,
    root: &Path,
    shard: &str,
    format: LatentFormat,
    rows: &[LatentRow],
    mut latent: impl FnMut(usize, &mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Written, StoreError> {
    let schema = part_schema(path, format, rows)?;
    let per_group = (GROUP_BYTES / format.bytes().max(1)).clamp(1, 8192);
    let settings = part_properties(format, per_group);
    let file = AtomicFile::create(path)?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(settings))
        .map_err(StoreError::table(path))?;
    for (group, chunk) in rows.chunks(per_group).enumerate() {
        let mut raw = Vec::with_capacity(chunk.len() * format.bytes());
        for i in 0..chunk.len() {
            latent(group * per_group + i, &mut raw)?;
        }
        let batch = part_batch(&schema, shard, format, chunk, raw);
        let batch = batch.map_err(StoreError::table(path))?;
        writer.write(&batch).map_err(StoreError::writing_table(path))?;
        writer.flush().map_err(StoreError::writing_table(path))?;
    }
    writer.into_inner().map_err(StoreError::writing_table(path))?.publish(root)
}

fn part_schema(
    path: &Path,
    format: LatentFormat,
    rows: &[LatentRow],
) -> Result<Arc<Schema>, StoreError> {
    let width = i32::try_from(format.bytes()).map_err(StoreError::table(path))?;
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("class", DataType::Utf8, false),
        Field::new("width", DataType::UInt32, false),
        Field::new("height", DataType::UInt32, false),
        Field::new("index", DataType::UInt32, false),
        Field::new("offset", DataType::UInt64, false),
        Field::new("latent", DataType::FixedSizeBinary(width), false),
    ]);
    let mut metadata = format.metadata();
    metadata.push(("coda.classes", class_runs(rows)));
    Ok(described(schema, "latents", &metadata))
}

/// `[["class", first row, rows], …]`: where each class stands, so that reading one needs no search.
fn class_runs(rows: &[LatentRow]) -> String {
    let mut runs = Vec::new();
    let mut first = 0;
    for run in rows.chunk_by(|a, b| a.class == b.class) {
        runs.push(serde_json::json!([run[0].class, first, run.len()]));
        first += run.len();
    }
    serde_json::Value::Array(runs).to_string()
}

fn part_properties(format: LatentFormat, per_group: usize) -> WriterProperties {
    let latent = ColumnPath::new(vec!["latent".into()]);
    let per_page = (PAGE_BYTES / format.bytes().max(1)).clamp(1, 1024);
    properties()
        .set_max_row_group_row_count(Some(per_group))
        .set_write_batch_size(per_page)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_column_compression(latent.clone(), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(latent.clone(), false)
        .set_column_statistics_enabled(latent, EnabledStatistics::None)
        .build()
}

fn part_batch(
    schema: &Arc<Schema>,
    shard: &str,
    format: LatentFormat,
    rows: &[LatentRow],
    latents: Vec<u8>,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |of: fn(&LatentRow) -> &String| {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number =
        |of: fn(&LatentRow) -> u32| Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)));
    let shards = StringArray::from_iter_values(rows.iter().map(|_| shard));
    let offsets = UInt64Array::from_iter_values(rows.iter().map(|r| r.offset));
    let width = format.bytes() as i32;
    RecordBatch::try_new(
        schema.clone(),
        vec![
            text(|r| &r.key),
            Arc::new(shards),
            text(|r| &r.class),
            number(|r| r.width),
            number(|r| r.height),
            number(|r| r.index),
            Arc::new(offsets),
            Arc::new(FixedSizeBinaryArray::try_new(width, Buffer::from_vec(latents), None)?),
        ],
    )
}
