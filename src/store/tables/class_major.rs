//! `compact/group-*.parquet`: the images of consecutive classes, class by class, with all columns of encode's parts.
//!
//! The columns are those of the parts, whatever they are: nothing here names one but `class`. Narrow columns are kept in
//! memory, wide ones (latents, features) go through a temporary file at their final places, so that memory depends on the
//! number of rows alone.

use super::columns::{Columns, described};
use super::contents::ClassMajorContents;
use super::latent_format::PartFormat;
use super::latent_part::Part;
use super::latents::{class_runs, group_rows, part_properties};
use super::row_digest::ClassDigests;
use crate::store::parallel::for_each;
use crate::store::{AtomicFile, RunDir, Spill, StoreError, Written};
use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt32Array};
use arrow::buffer::Buffer;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Bytes of images' numbers in a row group at least: small classes share one.
const GROUP_BYTES: usize = 1 << 20;

const OTHER: &str = "it holds other images than its receipt says: delete both and run again, or see `coda-pipe verify`";

/// Rows of one class in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The class, by its place in the group.
    pub class: usize,
    /// The first of its rows in the part.
    pub first: usize,
    /// How many.
    pub rows: usize,
}

/// A class-major file that is being put together from parts.
pub struct ClassMajorFile {
    path: PathBuf,
    format: PartFormat,
    /// Class keys and their numbers of images.
    classes: Vec<(String, usize)>,
    /// The next free row of each class in the file.
    next: Vec<usize>,
    /// The parts' columns, once one was read.
    schema: Option<Arc<Schema>>,
    /// Narrow columns in the order of the parts.
    narrow: Vec<RecordBatch>,
    taken: usize,
    /// For each row of the file its place among the narrow ones.
    order: Vec<u32>,
    /// Wide columns, one behind another, rows in the order of the file.
    wide: Spill,
}

impl ClassMajorFile {
    /// Starts the file that will be `path`, with these classes in this order.
    ///
    /// # Errors
    /// If its temporary file can't be made, or it had too many rows.
    pub fn create(
        path: &Path,
        format: PartFormat,
        classes: Vec<(String, usize)>,
    ) -> Result<Self, StoreError> {
        let mut next = Vec::with_capacity(classes.len());
        let mut rows = 0usize;
        for (_, own) in &classes {
            next.push(rows);
            rows = rows.saturating_add(*own);
        }
        u32::try_from(rows).map_err(StoreError::table(path))?;
        let wide = Spill::create(&path.with_extension("rows"))?;
        let (path, order) = (path.to_owned(), vec![0; rows]);
        Ok(Self {
            path,
            format,
            classes,
            next,
            schema: None,
            narrow: Vec::new(),
            taken: 0,
            order,
            wide,
        })
    }

    /// Adds rows of parts, by the parts' names: of each its spans, in their order. Of a part in an object store only these
    /// come, of several parts at a time.
    ///
    /// # Errors
    /// If a part can't be read, or holds other images than its spans say.
    pub fn add(&mut self, run_dir: &RunDir, parts: &[(&str, Vec<Span>)]) -> Result<(), StoreError> {
        let brought: Vec<OnceLock<Part>> = parts.iter().map(|_| OnceLock::new()).collect();
        if run_dir.is_remote() {
            let both: Vec<_> = parts.iter().zip(&brought).collect();
            for_each(&both, |((name, spans), place)| {
                let part = Part::open(run_dir.open_ranged(name)?)?.with_rows(&joined(spans))?;
                // Set once: each place is one part's.
                let _ = place.set(part);
                Ok(())
            })?;
        }
        for ((name, spans), place) in parts.iter().zip(brought) {
            let part = match place.into_inner() {
                Some(part) => part,
                None => Part::open(run_dir.open_ranged(name)?)?,
            };
            let end = spans.last().map_or(0, |span| span.first + span.rows);
            if part.format() != self.format || part.rows()? < end {
                return Err(StoreError::table(part.path())(OTHER));
            }
            let (path, mut left) = (part.path().to_owned(), Spans { spans, taken: 0 });
            part.batches(None, &joined(spans), |batch| self.scatter(&path, &batch, &mut left))?;
        }
        Ok(())
    }

    /// Puts the rows of a batch in their places.
    fn scatter(
        &mut self,
        part: &Path,
        batch: &RecordBatch,
        left: &mut Spans<'_>,
    ) -> Result<(), StoreError> {
        let other = |_| StoreError::table(part)(OTHER);
        let schema = self.schema.get_or_insert_with(|| batch.schema());
        if schema.fields() != batch.schema().fields() {
            let message = "its columns are not those of the other parts: encode it with them";
            return Err(StoreError::table(part)(message));
        }
        let classes = Columns { batch, path: part }.texts("class")?;
        let total = self.order.len() as u64;
        let mut at = 0;
        while at < batch.num_rows() {
            let (class, rows) = left.next(batch.num_rows() - at).ok_or(()).map_err(other)?;
            let ((key, _), first) = (&self.classes[class], self.next[class]);
            if (at..at + rows).any(|row| classes.value(row) != key) {
                return Err(other(()));
            }
            let places = self.order.get_mut(first..first + rows).ok_or(()).map_err(other)?;
            for (place, row) in places.iter_mut().zip(self.taken + at..) {
                *place = row as u32;
            }
            let mut before = 0;
            for column in batch.columns() {
                let Some(wide) = column.as_fixed_size_binary_opt() else { continue };
                let width = wide.value_length() as usize;
                let raw = &wide.value_data()[at * width..(at + rows) * width];
                self.wide.write_at(total * before + (first * width) as u64, raw)?;
                before += width as u64;
            }
            self.next[class] += rows;
            at += rows;
        }
        self.taken += batch.num_rows();
        let narrow: Vec<usize> =
            (0..schema.fields().len()).filter(|&at| !is_wide(schema, at)).collect();
        self.narrow.push(batch.project(&narrow).map_err(StoreError::table(part))?);
        Ok(())
    }

    /// Writes the file; what is in it.
    ///
    /// # Errors
    /// If rows are missing, or the file can't be written.
    pub fn finish(
        self,
        root: &Path,
        compress: bool,
    ) -> Result<(Written, ClassMajorContents), StoreError> {
        let path = self.path.clone();
        let (Some(schema), true) = (self.schema.clone(), self.taken == self.order.len()) else {
            let message = format!("{} of {} rows were found", self.taken, self.order.len());
            return Err(StoreError::table(&path)(message));
        };
        let mut notes = self.format.metadata();
        let runs = self.classes.iter().map(|(class, rows)| (class.as_str(), *rows));
        notes.push(("coda.classes", class_runs(runs)));
        let schema = described(Schema::new(schema.fields().clone()), "latents", &notes);
        let per_group = group_rows(self.format);
        let settings = part_properties(self.format, compress, per_group);
        let mut writer =
            ArrowWriter::try_new(AtomicFile::create(&path)?, schema.clone(), Some(settings))
                .map_err(StoreError::table(&path))?;
        let counts: Vec<usize> = self.classes.iter().map(|(_, rows)| *rows).collect();
        let mut digests = ClassDigests::new(&self.classes);
        let groups = row_groups(&counts, self.format.bytes(), per_group);
        let rows = self.into_rows(&schema)?;
        for group in groups {
            let batch = rows.batch(&schema, group)?;
            digests.update(&batch).map_err(StoreError::table(&path))?;
            writer.write(&batch).map_err(StoreError::writing_table(&path))?;
            writer.flush().map_err(StoreError::writing_table(&path))?;
        }
        let written =
            writer.into_inner().map_err(StoreError::writing_table(&path))?.publish(root)?;
        Ok((written, ClassMajorContents::new(rows.format, digests.finish())))
    }

    /// All rows, ready to be read in order.
    fn into_rows(mut self, schema: &Schema) -> Result<Rows, StoreError> {
        let of = self.narrow.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        let narrow = concat_batches(&of, &std::mem::take(&mut self.narrow));
        let narrow = narrow.map_err(StoreError::table(&self.path))?;
        debug_assert!(narrow.num_columns() < schema.fields().len());
        let Self { path, format, order, wide, .. } = self;
        Ok(Rows { path, format, narrow, order, wide })
    }
}

/// Rows of a file to be, in their order.
struct Rows {
    path: PathBuf,
    format: PartFormat,
    narrow: RecordBatch,
    order: Vec<u32>,
    wide: Spill,
}

impl Rows {
    fn batch(&self, schema: &Arc<Schema>, rows: Range<usize>) -> Result<RecordBatch, StoreError> {
        let order = UInt32Array::from(self.order[rows.clone()].to_vec());
        let narrow = take_record_batch(&self.narrow, &order);
        let narrow = narrow.map_err(StoreError::table(&self.path))?;
        let mut narrow = narrow.columns().iter().cloned();
        let (mut columns, mut before) = (Vec::<ArrayRef>::new(), 0);
        for field in schema.fields() {
            let DataType::FixedSizeBinary(width) = field.data_type() else {
                columns.extend(narrow.next());
                continue;
            };
            let bytes = *width as usize;
            let mut raw = vec![0; rows.len() * bytes];
            let start = self.order.len() as u64 * before + (rows.start * bytes) as u64;
            self.wide.read_at(start, &mut raw)?;
            before += bytes as u64;
            let values = FixedSizeBinaryArray::try_new(*width, Buffer::from_vec(raw), None);
            columns.push(Arc::new(values.map_err(StoreError::table(&self.path))?));
        }
        RecordBatch::try_new(schema.clone(), columns).map_err(StoreError::table(&self.path))
    }
}

/// Spans of which rows are taken one after another.
struct Spans<'a> {
    spans: &'a [Span],
    taken: usize,
}

impl Spans<'_> {
    /// Takes the next rows of one class, `most` at most.
    fn next(&mut self, most: usize) -> Option<(usize, usize)> {
        while self.spans.first().is_some_and(|span| span.rows == self.taken) {
            (self.spans, self.taken) = (&self.spans[1..], 0);
        }
        let span = self.spans.first()?;
        let rows = most.min(span.rows - self.taken);
        self.taken += rows;
        Some((span.class, rows))
    }
}

fn is_wide(schema: &Schema, column: usize) -> bool {
    matches!(schema.field(column).data_type(), DataType::FixedSizeBinary(_))
}

/// The rows of `spans`, neighbours as one range.
fn joined(spans: &[Span]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for span in spans.iter().filter(|span| span.rows > 0) {
        match ranges.last_mut() {
            Some(last) if last.end == span.first => last.end += span.rows,
            _ => ranges.push(span.first..span.first + span.rows),
        }
    }
    ranges
}

/// Row groups of a file whose classes have so many rows: a class begins one, unless the one before is small yet.
fn row_groups(counts: &[usize], row_bytes: usize, most: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for &rows in counts.iter().filter(|&&rows| rows > 0) {
        match groups.last_mut() {
            Some(last)
                if last.len() * row_bytes < GROUP_BYTES && last.len() + rows <= most.max(1) =>
            {
                last.end += rows;
            }
            _ => {
                let starts = (at..at + rows).step_by(most.max(1));
                groups.extend(starts.map(|start| start..(at + rows).min(start + most.max(1))));
            }
        }
        at += rows;
    }
    groups
}

#[cfg(test)]
#[path = "class_major_tests.rs"]
mod tests;
