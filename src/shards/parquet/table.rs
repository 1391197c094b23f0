//! A Parquet file that was opened: its schema, its columns, and how its rows are called.

use super::columns::{Columns, ImageColumn};
use super::keys::Keys;
use super::ranges::Ranges;
use super::sound::{bad, check_chunks, guarded, has_sound_index, next_batch};
use super::values::{bytes_at, plain, text_at};
use super::window::Opener;
use crate::arrays::unread_codec;
use crate::imaging::{IMAGE_EXTENSIONS, image_extension};
use crate::shards::fault::FaultReason;
use crate::shards::identity::ShardIdentity;
use crate::shards::retry::Retry;
use crate::shards::sources::ShardPlace;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Rows of names that are read at once.
const NAMES_AT_ONCE: usize = 1024;

/// Whether a file that begins with these bytes is Parquet, perhaps encrypted.
pub(in crate::shards) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1") || head.starts_with(b"PARE")
}

/// An opened file.
pub(in crate::shards) struct Table {
    /// The shard's name, for faults.
    pub(super) shard: String,
    pub(super) columns: Columns,
    pub(super) keys: Keys,
    pub(super) ranges: Ranges,
    metadata: ArrowReaderMetadata,
}

/// The row groups that are read, and of all their rows those that are wanted.
pub(super) struct Selected {
    pub groups: Vec<usize>,
    pub rows: Option<RowSelection>,
}

impl Table {
    /// Opens the file at `place`.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(in crate::shards) fn open(
        place: &ShardPlace,
        known: &ShardIdentity,
        retry: Retry,
    ) -> Result<Self, FaultReason> {
        let (ranges, bytes) = ranges(place, known, retry).map_err(|error| failed(&error))?;
        let tail = ranges.tail();
        if tail.ends_with(b"PARE") {
            return Err(bad("it is encrypted: decrypt it first"));
        }
        if bytes < 12 || !tail.ends_with(b"PAR1") {
            return Err(bad(
                "it does not end as a Parquet file does: it was cut off, or is still being written",
            ));
        }
        // Page indexes that are there spare reading the pages before a row.
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let load = || ArrowReaderMetadata::load(&ranges, options.clone());
        let mut metadata = guarded(load).map_err(|error| broken(&ranges, &error.to_string()))?;
        check_chunks(metadata.metadata(), bytes)?;
        if !has_sound_index(metadata.metadata()) {
            let options = ArrowReaderOptions::new();
            metadata = guarded(|| ArrowReaderMetadata::load(&ranges, options))
                .map_err(|error| broken(&ranges, &error.to_string()))?;
        }
        if let Some(codec) = unread_codec(metadata.metadata()) {
            return Err(bad(&codec));
        }
        let columns = Columns::of(metadata.schema());
        let shard = place.to_string();
        let keys = Keys::of_rows(&shard);
        let mut table = Self { shard, columns, keys, ranges, metadata };
        table.keys = table.named_keys()?;
        Ok(table)
    }

    pub(super) fn schema(&self) -> &Schema {
        self.metadata.schema()
    }

    /// Rows of each row group.
    pub(super) fn group_rows(&self) -> impl Iterator<Item = u64> + '_ {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// Names for the numbers of the column called `column`, or of the label.
    pub(in crate::shards) fn class_names(&self, column: Option<&str>) -> Option<Vec<String>> {
        match column {
            Some(name) => self.columns.class_names(name).map(<[String]>::to_vec),
            None => self.columns.label.as_ref()?.names.clone(),
        }
    }

    /// The leaves of a column: all of them, or of a struct those of the names in `of`.
    pub(super) fn leaves(&self, root: usize, of: Option<&[&str]>) -> Vec<usize> {
        let schema = self.metadata.parquet_schema();
        let wanted = |leaf: &usize| {
            let parts = schema.columns()[*leaf].path().parts();
            let named = |of: &[&str]| parts.get(1).is_some_and(|part| of.contains(&part.as_str()));
            schema.get_column_root_idx(*leaf) == root && of.is_none_or(named)
        };
        (0..schema.num_columns()).filter(wanted).collect()
    }

    /// Bytes of a row in this leaf, on average.
    pub(super) fn row_bytes(&self, leaf: usize) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        let bytes =
            groups.map(|group| group.column(leaf).uncompressed_size().max(0) as u64).sum::<u64>();
        bytes / self.group_rows().sum::<u64>().max(1)
    }

    /// What is known of the images without reading them; where no file names tell their format, the first one does.
    pub(super) fn unread(&self) -> Unread {
        let named = !self.name_leaves().is_empty();
        let first = if named { None } else { self.first_extension() };
        Unread { extension: first.unwrap_or(IMAGE_EXTENSIONS[0]), bytes: self.image_bytes() }
    }

    fn first_extension(&self) -> Option<&'static str> {
        let image = self.columns.image.as_ref()?;
        let leaves = self.leaves(image.at, image.is_struct.then_some(&["bytes"]));
        let rows = usize::try_from(self.group_rows().next()?).ok().filter(|rows| *rows > 0)?;
        let first = RowSelection::from_consecutive_ranges(std::iter::once(0..1), rows);
        let selected = Selected { groups: vec![0], rows: Some(first) };
        let batch = next_batch(&mut self.batches(&leaves, selected, 1).ok()?)?.ok()?;
        let column = column_of(&batch, &self.columns, image.at)?;
        let bytes = match column.as_struct_opt() {
            Some(fields) => fields.column_by_name("bytes")?.clone(),
            None => column,
        };
        image_extension(bytes_at(&plain(&bytes).ok()?, 0)?)
    }

    /// Bytes of a row's image, on average.
    fn image_bytes(&self) -> u64 {
        let leaf =
            |image: &ImageColumn| self.leaves(image.at, image.is_struct.then_some(&["bytes"]));
        let leaves = self.columns.image.iter().flat_map(leaf);
        leaves.map(|leaf| self.row_bytes(leaf)).sum()
    }

    /// Reads these leaves of the rows that are selected, `at_once` rows in a batch.
    pub(super) fn batches(
        &self,
        leaves: &[usize],
        selected: Selected,
        at_once: usize,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let groups = self.metadata.metadata().row_groups();
        let chunk = |group: usize, leaf: usize| {
            let (start, length) = groups[group].column(leaf).byte_range();
            (group, start..start.saturating_add(length))
        };
        let chunks = selected
            .groups
            .iter()
            .flat_map(|&group| leaves.iter().map(move |&leaf| chunk(group, leaf)));
        let ranges = self.ranges.with_chunks(chunks.collect());
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), leaves.iter().copied());
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(ranges, self.metadata.clone())
                .with_projection(mask)
                .with_row_groups(selected.groups)
                .with_batch_size(at_once);
        if let Some(rows) = selected.rows {
            builder = builder.with_row_selection(rows);
        }
        guarded(|| builder.build())
    }

    pub(super) fn all_groups(&self) -> Selected {
        Selected { groups: (0..self.metadata.metadata().num_row_groups()).collect(), rows: None }
    }

    /// The leaves of the names of the images' files.
    pub(super) fn name_leaves(&self) -> Vec<usize> {
        let in_struct = self.columns.image.iter().filter(|image| image.is_struct);
        let mut leaves: Vec<usize> =
            in_struct.flat_map(|image| self.leaves(image.at, Some(&["path"]))).collect();
        leaves.extend(self.columns.name.iter().flat_map(|at| self.leaves(*at, None)));
        leaves
    }

    fn named_keys(&self) -> Result<Keys, FaultReason> {
        let leaves = self.name_leaves();
        if leaves.is_empty() {
            return Ok(self.keys.clone());
        }
        self.keys.clone().with_names(|each| {
            let mut row = 0;
            let broken = |error: &dyn std::fmt::Display| broken(&self.ranges, &error.to_string());
            let batches = self.batches(&leaves, self.all_groups(), NAMES_AT_ONCE);
            let mut batches = batches.map_err(|error| broken(&error))?;
            while let Some(batch) = next_batch(&mut batches) {
                let batch = batch.map_err(|error| broken(&error))?;
                let names = Names::of(&batch, &self.columns).map_err(|error| broken(&error))?;
                for at in 0..batch.num_rows() {
                    each(row, names.at(at));
                    row += 1;
                }
            }
            Ok(())
        })
    }
}

/// What is known of an image whose bytes are not read.
pub(super) struct Unread {
    /// The extension that the first image has.
    pub extension: &'static str,
    /// An image's bytes on average.
    pub bytes: u64,
}

/// The names of the images' files in a batch, from the images' own column before any other.
pub(super) struct Names {
    columns: Vec<ArrayRef>,
}

impl Names {
    pub(super) fn of(
        batch: &RecordBatch,
        columns: &Columns,
    ) -> Result<Self, arrow::error::ArrowError> {
        let image = columns.image.as_ref().filter(|image| image.is_struct);
        let path = image.and_then(|ImageColumn { at, .. }| {
            let column = column_of(batch, columns, *at)?;
            let paths = column.as_struct_opt()?.column_by_name("path")?;
            Some(paths.clone())
        });
        let name = columns.name.and_then(|at| column_of(batch, columns, at));
        let found = path.iter().chain(&name).map(plain).collect::<Result<_, _>>()?;
        Ok(Self { columns: found })
    }

    pub(super) fn at(&self, row: usize) -> Option<&str> {
        self.columns.iter().find_map(|column| text_at(column, row).filter(|name| !name.is_empty()))
    }
}

/// The column of a batch that is the table's column `at`.
pub(super) fn column_of(batch: &RecordBatch, columns: &Columns, at: usize) -> Option<ArrayRef> {
    let name = columns.roots.get(at)?;
    // Of columns of one name the first is meant, as everywhere.
    batch.column_by_name(name).cloned()
}

fn ranges(place: &ShardPlace, known: &ShardIdentity, retry: Retry) -> io::Result<(Ranges, u64)> {
    if let ShardPlace::File(path) = place {
        let file = Arc::new(std::fs::File::open(path)?);
        let bytes = file.metadata()?.len();
        let open: Opener = Box::new(move |range| {
            let (at, end) = (range.start, range.end);
            Ok(Box::new(Positioned { file: file.clone(), at, end }))
        });
        return Ok((Ranges::new(open, bytes)?, bytes));
    }
    let known = match known.bytes {
        Some(_) => known.clone(),
        None => place.source().identity(retry).map_err(io::Error::other)?,
    };
    let bytes = known.bytes.ok_or_else(|| io::Error::other("its length is not known"))?;
    let place = place.clone();
    let open: Opener = Box::new(move |range| place.source().open_range(range, &known, retry));
    Ok((Ranges::new(open, bytes)?, bytes))
}

/// A part of a file on disk.
struct Positioned {
    file: Arc<std::fs::File>,
    at: u64,
    end: u64,
}

impl Read for Positioned {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = (self.end - self.at).min(into.len() as u64) as usize;
        let read = self.file.read_at(&mut into[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn failed(error: &io::Error) -> FaultReason {
    FaultReason::ReadFailed { kind: error.kind(), message: error.to_string() }
}

/// What the library complains of, unless the storage failed.
pub(super) fn broken(ranges: &Ranges, detail: &str) -> FaultReason {
    ranges.failure().unwrap_or_else(|| bad(detail))
}
