//! One encoded part: its classes, and the rows of one of them.

use super::columns::Columns;
use super::latent_format::PartFormat;
use crate::store::{Ranged, StoreError};
use arrow::array::RecordBatch;
use arrow::datatypes::UInt64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of images' numbers that are decoded at once.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of images' numbers that are in memory as they came from an object store.
const HELD_BYTES: usize = 16 << 20;

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

/// A file of encoded images of which the footer alone is held: a part, or one of class-major data.
pub(super) struct Part {
    path: PathBuf,
    /// The object, if it is one; a local file is opened when it is read, as there may be more of them than a process may
    /// have open.
    object: Option<Ranged>,
    /// Whether some of its rows are in memory.
    prefetched: bool,
    metadata: ArrowReaderMetadata,
    format: PartFormat,
}

/// A class's rows in a part: its key, the first of them, and how many.
pub(super) type Run = (String, usize, usize);

impl Part {
    /// Opens a part.
    pub(super) fn open(file: Ranged) -> Result<Self, StoreError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        file.prefetch_footer()?;
        let metadata =
            ArrowReaderMetadata::load(&file, options).map_err(|error| file.explain(error))?;
        let notes = metadata.schema().metadata();
        let format = PartFormat::from_metadata(notes).map_err(StoreError::table(file.path()))?;
        let path = file.path().to_owned();
        let object = file.is_remote().then(|| file.fresh());
        Ok(Self { path, object, prefetched: false, metadata, format })
    }

    /// The part with these rows of all columns at hand, if they are few and it lies in an object store.
    pub(super) fn with_rows(self, rows: &[Range<usize>]) -> Result<Self, StoreError> {
        let bytes = rows.iter().map(Range::len).sum::<usize>() * self.format.bytes();
        let Some(object) = self.object.as_ref().filter(|_| bytes <= HELD_BYTES) else {
            return Ok(self);
        };
        object.prefetch(byte_ranges(self.metadata.metadata(), &ProjectionMask::all(), rows))?;
        Ok(Self { prefetched: true, ..self })
    }

    /// Where each class stands in it, as its metadata say.
    pub(super) fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let notes = self.metadata.schema().metadata();
        let runs = notes.get("coda.classes").map(String::as_str).unwrap_or_default();
        let runs: Vec<Run> = serde_json::from_str(runs).map_err(StoreError::table(self.path()))?;
        let rows = self.rows()?;
        let beyond = |&(_, first, own): &Run| first.checked_add(own).is_none_or(|end| end > rows);
        if runs.iter().any(beyond) {
            let message = format!("its metadata count other rows than its {rows}");
            return Err(StoreError::table(self.path())(message));
        }
        Ok(runs)
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its rows.
    pub(super) fn rows(&self) -> Result<usize, StoreError> {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        usize::try_from(rows).map_err(StoreError::table(self.path()))
    }

    /// What its images' numbers look like.
    pub(super) fn format(&self) -> PartFormat {
        self.format
    }

    /// Appends rows `first + range` for each of `ranges` (ascending, disjoint) to `out`.
    pub(super) fn read(
        &self,
        first: usize,
        ranges: &[Range<usize>],
        numbers: Numbers,
        out: &mut ClassRows,
    ) -> Result<(), StoreError> {
        let (path, format) = (self.path(), self.format);
        let names = ["key", "shard", "offset", numbers.column()];
        let rows: Vec<Range<usize>> =
            ranges.iter().map(|range| first + range.start..first + range.end).collect();
        self.batches(Some(&names), &rows, |batch| {
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
            Ok(())
        })
    }

    /// Hands on these rows (ascending, disjoint ranges) with the columns `names`, or all of them, some at a time.
    pub(super) fn batches(
        &self,
        names: Option<&[&str]>,
        rows: &[Range<usize>],
        mut each: impl FnMut(RecordBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        let mask = match names {
            Some(names) => ProjectionMask::columns(schema, names.iter().copied()),
            None => ProjectionMask::all(),
        };
        let object = match &self.object {
            None => return self.decode(Ranged::local(&self.path)?, &mask, rows, &mut each),
            Some(object) if self.prefetched => {
                return self.decode(object.clone(), &mask, rows, &mut each);
            }
            Some(object) => object,
        };
        let most = (HELD_BYTES / self.format.bytes().max(1)).max(1);
        for rows in portions(rows, most) {
            let file = object.fresh();
            file.prefetch(byte_ranges(self.metadata.metadata(), &mask, &rows))?;
            self.decode(file, &mask, &rows, &mut each)?;
        }
        Ok(())
    }

    fn decode(
        &self,
        file: Ranged,
        mask: &ProjectionMask,
        rows: &[Range<usize>],
        each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), self.metadata.clone());
        let at_once = (BATCH_BYTES / self.format.bytes().max(1)).clamp(1, 1024);
        let reader = builder
            .with_projection(mask.clone())
            .with_row_selection(selection(rows))
            .with_batch_size(at_once)
            .build()
            .map_err(|error| file.explain(error))?;
        for batch in reader {
            each(batch.map_err(|error| file.explain(error))?)?;
        }
        Ok(())
    }
}

/// `rows` in portions of at most `most`.
fn portions(rows: &[Range<usize>], most: usize) -> Vec<Vec<Range<usize>>> {
    let (mut portions, mut room) = (Vec::<Vec<Range<usize>>>::new(), 0);
    for range in rows {
        let mut start = range.start;
        while start < range.end {
            if room == 0 {
                portions.push(Vec::new());
                room = most;
            }
            let end = range.end.min(start + room);
            if let Some(last) = portions.last_mut() {
                last.push(start..end);
            }
            (room, start) = (room - (end - start), end);
        }
    }
    portions
}

fn selection(rows: &[Range<usize>]) -> RowSelection {
    let mut selectors = Vec::with_capacity(2 * rows.len());
    let mut at = 0;
    for range in rows {
        selectors.push(RowSelector::skip(range.start - at));
        selectors.push(RowSelector::select(range.len()));
        at = range.end;
    }
    RowSelection::from(selectors)
}

/// Where in the file the pages lie that hold `rows` (ascending, disjoint) of the columns of `mask`.
fn byte_ranges(
    metadata: &ParquetMetaData,
    mask: &ProjectionMask,
    rows: &[Range<usize>],
) -> Vec<Range<u64>> {
    let (mut found, mut first) = (Vec::new(), 0usize);
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let end = first + group.num_rows().max(0) as usize;
        let own: Vec<Range<usize>> = rows
            .iter()
            .map(|range| range.start.max(first)..range.end.min(end))
            .filter(|range| range.start < range.end)
            .map(|range| range.start - first..range.end - first)
            .collect();
        let index = metadata.page_index_for_row_group(number);
        let columns = group.columns().iter().enumerate();
        for (at, column) in columns.filter(|(at, _)| !own.is_empty() && mask.leaf_included(*at)) {
            let (start, length) = column.byte_range();
            let Some(pages) = index.page_locations(at) else {
                found.push(start..start + length);
                continue;
            };
            // The dictionary stands before the first page.
            let data = pages.first().map_or(start, |page| page.offset.max(0) as u64);
            found.push(start..data.max(start));
            for (page, next) in pages.iter().zip(pages.iter().skip(1).map(Some).chain([None])) {
                let from = page.first_row_index.max(0) as usize;
                let to = next.map_or(usize::MAX, |next| next.first_row_index.max(0) as usize);
                if own.iter().any(|range| range.start < to && from < range.end) {
                    let offset = page.offset.max(0) as u64;
                    found.push(offset..offset + page.compressed_page_size.max(0) as u64);
                }
            }
        }
        first = end;
    }
    found
}
