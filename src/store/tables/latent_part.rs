//! One encoded part: its classes, and the rows of one of them.

use super::columns::Columns;
use super::latent_format::PartFormat;
use crate::store::StoreError;
use arrow::datatypes::UInt64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The samples of one class, in encoding order (parts in order, then position in the shard).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassRows {
    /// Sample keys.
    pub keys: Vec<String>,
    /// Shards, as the pipeline names them.
    pub shards: Vec<String>,
    /// Offsets in the uncompressed shards.
    pub offsets: Vec<u64>,
    /// Latents, rows × (channels·height·width), or features, rows × values.
    pub values: Vec<f32>,
}

/// Which numbers of an image are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Its latent.
    Latent,
    /// The second encoder's feature.
    Feature,
}

impl Numbers {
    fn column(self) -> &'static str {
        match self {
            Numbers::Latent => "latent",
            Numbers::Feature => "feature",
        }
    }

    /// How many there are of an image.
    pub fn count(self, format: PartFormat) -> usize {
        match self {
            Numbers::Latent => format.latent.values(),
            Numbers::Feature => format.feature.unwrap_or(0),
        }
    }

    fn bytes(self, format: PartFormat) -> usize {
        match self {
            Numbers::Latent => format.latent.bytes(),
            Numbers::Feature => format.feature_bytes(),
        }
    }

    fn decode(self, format: PartFormat, raw: &[u8], out: &mut Vec<f32>) {
        match self {
            Numbers::Latent => format.latent.decode(raw, out),
            Numbers::Feature => {
                out.extend(raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
        }
    }
}

/// A part whose footer alone is held.
pub(super) struct Part {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    format: PartFormat,
}

/// A class's rows in a part: its key, the first of them, and how many.
pub(super) type Run = (String, usize, usize);

impl Part {
    /// Opens the part at `path`; where each class stands in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Run>), StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata =
            ArrowReaderMetadata::load(&file, options).map_err(StoreError::table(path))?;
        let notes = metadata.schema().metadata();
        let format = PartFormat::from_metadata(notes).map_err(StoreError::table(path))?;
        let runs = notes.get("coda.classes").map(String::as_str).unwrap_or_default();
        let runs: Vec<Run> = serde_json::from_str(runs).map_err(StoreError::table(path))?;
        let rows = metadata.metadata().file_metadata().num_rows();
        let rows = usize::try_from(rows).map_err(StoreError::table(path))?;
        let beyond = |&(_, first, own): &Run| first.checked_add(own).is_none_or(|end| end > rows);
        if runs.iter().any(beyond) {
            let message = format!("its metadata count other rows than its {rows}");
            return Err(StoreError::table(path)(message));
        }
        Ok((Self { path: path.to_owned(), metadata, format }, runs))
    }

    /// What its images' numbers look like.
    pub(super) fn format(&self) -> PartFormat {
        self.format
    }

    /// Appends rows `first + range` for each of `ranges` (ascending, disjoint) to `out`.
    pub(super) fn read(
        &self,
        first: usize,
        ranges: &[std::ops::Range<usize>],
        numbers: Numbers,
        out: &mut ClassRows,
    ) -> Result<(), StoreError> {
        let (path, format) = (&self.path, self.format);
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let names = ["key", "shard", "offset", numbers.column()];
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let reader = builder
            .with_projection(mask)
            .with_row_selection(selection(first, ranges))
            .with_batch_size(256)
            .build()
            .map_err(StoreError::table(path))?;
        for batch in reader {
            let batch = batch.map_err(StoreError::table(path))?;
            let columns = Columns { batch: &batch, path };
            out.keys.extend(columns.strings("key")?);
            out.shards.extend(columns.strings("shard")?);
            out.offsets.extend(columns.numbers::<UInt64Type>("offset")?);
            let raw = columns.bytes(numbers.column())?;
            if raw.len() != batch.num_rows() * numbers.bytes(format) {
                let name = numbers.column();
                let message = format!("its column `{name}` is not as wide as its metadata say");
                return Err(StoreError::table(path)(message));
            }
            numbers.decode(format, raw, &mut out.values);
        }
        Ok(())
    }
}

fn selection(first: usize, ranges: &[std::ops::Range<usize>]) -> RowSelection {
    let mut selectors = Vec::with_capacity(2 * ranges.len());
    let mut at = 0;
    for range in ranges {
        let start = first + range.start;
        selectors.push(RowSelector::skip(start - at));
        selectors.push(RowSelector::select(range.len()));
        at = start + range.len();
    }
    RowSelection::from(selectors)
}
