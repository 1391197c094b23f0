//! Reading the encoded parts back, one class at a time.

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
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// All parts of the encode stage, opened once: only their footers are held.
pub struct LatentTable {
    parts: Vec<Part>,
    format: PartFormat,
}

struct Part {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// Class → first row and rows.
    runs: BTreeMap<String, (usize, usize)>,
}

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

impl LatentTable {
    /// Opens the parts at `paths`, in this order.
    ///
    /// # Errors
    /// If one can't be read, is not ours, or differs from the first in its latents' type or shape or in its features.
    pub fn open(paths: &[PathBuf]) -> Result<Self, StoreError> {
        let mut format = None;
        let mut parts = Vec::with_capacity(paths.len());
        for path in paths {
            let (part, own) = Part::open(path)?;
            let known = *format.get_or_insert(own);
            if known != own {
                let message = format!("its latents are {own:?}, the other parts' {known:?}");
                return Err(StoreError::table(path)(message));
            }
            parts.push(part);
        }
        let none = || StoreError::Absent { what: "no encoded part: run the encode stage".into() };
        let format = format.ok_or_else(none)?;
        Ok(Self { parts, format })
    }

    /// What a latent looks like.
    pub fn format(&self) -> PartFormat {
        self.format
    }

    /// Classes and their number of samples, by class key.
    pub fn classes(&self) -> BTreeMap<String, usize> {
        let mut classes = BTreeMap::new();
        for (class, (_, rows)) in self.parts.iter().flat_map(|p| &p.runs) {
            *classes.entry(class.clone()).or_default() += rows;
        }
        classes
    }

    /// The parts that hold samples of `class`, by their place in the list that was opened.
    pub fn parts_of(&self, class: &str) -> Vec<usize> {
        let holds = |(_, part): &(usize, &Part)| part.runs.contains_key(class);
        self.parts.iter().enumerate().filter(holds).map(|(place, _)| place).collect()
    }

    /// Samples `range` of `class`, in encoding order.
    ///
    /// # Errors
    /// If a part can't be read.
    pub fn read_range(
        &self,
        class: &str,
        range: std::ops::Range<usize>,
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let mut rows = ClassRows::default();
        let mut before = 0;
        for part in &self.parts {
            let Some(&(first, count)) = part.runs.get(class) else { continue };
            let (from, to) = (range.start.max(before), range.end.min(before + count));
            if from < to {
                let own = from - before..to - before;
                let format = (self.format, numbers);
                part.read(first, std::slice::from_ref(&own), format, &mut rows)?;
            }
            before += count;
        }
        Ok(rows)
    }

    /// Single samples of `class` with their numbers: `wanted` are rows as [`LatentTable::read_range`] numbers them, in any order; the
    /// answer is in that order. Only the pages that hold them are read.
    ///
    /// # Errors
    /// If a part can't be read or a row does not exist.
    pub fn read_rows(
        &self,
        class: &str,
        wanted: &[usize],
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let mut sorted: Vec<usize> = wanted.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut rows = ClassRows::default();
        let mut before = 0;
        for part in &self.parts {
            let Some(&(first, count)) = part.runs.get(class) else { continue };
            let own: Vec<_> = sorted
                .iter()
                .filter(|&&row| row >= before && row < before + count)
                .map(|&row| row - before..row - before + 1)
                .collect();
            if !own.is_empty() {
                part.read(first, &own, (self.format, numbers), &mut rows)?;
            }
            before += count;
        }
        self.in_order((class, numbers), rows, &sorted, wanted)
    }

    fn in_order(
        &self,
        (class, numbers): (&str, Numbers),
        rows: ClassRows,
        sorted: &[usize],
        wanted: &[usize],
    ) -> Result<ClassRows, StoreError> {
        let values = numbers.count(self.format);
        let mut ordered = ClassRows::default();
        for row in wanted {
            let at = sorted.binary_search(row).ok().filter(|&at| at < rows.keys.len());
            let at = at.ok_or_else(|| StoreError::Absent {
                what: format!("no row {row} of class {class:?} in the encoded parts: delete discover/ and run again"),
            })?;
            ordered.keys.push(rows.keys[at].clone());
            ordered.shards.push(rows.shards[at].clone());
            ordered.offsets.push(rows.offsets[at]);
            ordered.values.extend(&rows.values[at * values..(at + 1) * values]);
        }
        Ok(ordered)
    }
}

impl Part {
    fn open(path: &Path) -> Result<(Self, PartFormat), StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata =
            ArrowReaderMetadata::load(&file, options).map_err(StoreError::table(path))?;
        let notes = metadata.schema().metadata();
        let format = PartFormat::from_metadata(notes).map_err(StoreError::table(path))?;
        let runs = notes.get("coda.classes").map(String::as_str).unwrap_or_default();
        let runs: Vec<(String, usize, usize)> =
            serde_json::from_str(runs).map_err(StoreError::table(path))?;
        let rows = metadata.metadata().file_metadata().num_rows();
        let rows = usize::try_from(rows).map_err(StoreError::table(path))?;
        let beyond = |&(_, first, own): &(String, usize, usize)| {
            first.checked_add(own).is_none_or(|end| end > rows)
        };
        if runs.iter().any(beyond) {
            let message = format!("its metadata count other rows than its {rows}");
            return Err(StoreError::table(path)(message));
        }
        let runs = runs.into_iter().map(|(class, first, rows)| (class, (first, rows))).collect();
        Ok((Self { path: path.to_owned(), metadata, runs }, format))
    }

    /// Appends rows `first + range` for each of `ranges` (ascending, disjoint) to `out`.
    fn read(
        &self,
        first: usize,
        ranges: &[std::ops::Range<usize>],
        (format, numbers): (PartFormat, Numbers),
        out: &mut ClassRows,
    ) -> Result<(), StoreError> {
        let path = &self.path;
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

#[cfg(test)]
mod tests {
    use super::super::columns::{described, write_all};
    use super::super::latent_format::{LatentFormat, LatentType};
    use super::super::latents::{LatentRow, write_latents};
    use super::*;
    use arrow::array::{Array, FixedSizeBinaryArray, RecordBatch, StringArray, UInt64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    fn write(dir: &Path, name: &str, compress: bool, classes: &[(&str, usize)]) -> PathBuf {
        let latent = LatentFormat { dtype: LatentType::F16, shape: [1, 1, 2] };
        let format = PartFormat { latent, feature: Some(1) };
        let mut rows = Vec::new();
        for (class, count) in classes {
            for i in 0..*count {
                let (key, class) = (format!("{name}-{class}-{i}"), (*class).to_owned());
                let (index, offset) = (rows.len() as u32, 1024 * rows.len() as u64);
                rows.push(LatentRow { key, class, width: 3, height: 4, index, offset });
            }
        }
        let path = dir.join(name);
        write_latents(&path, dir, name, (format, compress), &rows, |i, out| {
            format.encode(&[i as f32, -0.5], &[100.0 + i as f32], out);
            Ok(())
        })
        .unwrap();
        path
    }

    #[test]
    fn a_class_is_gathered_over_parts_and_single_rows_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let parts = [
            write(dir.path(), "p0", false, &[("a", 3), ("b", 2)]),
            write(dir.path(), "p1", true, &[("b", 4)]),
            write(dir.path(), "p2", true, &[]),
        ];
        let table = LatentTable::open(&parts).unwrap();
        assert_eq!(
            table.classes().into_iter().collect::<Vec<_>>(),
            [("a".into(), 3), ("b".into(), 6)]
        );
        let b = table.read_range("b", 0..6, Numbers::Latent).unwrap();
        assert_eq!(b.keys, ["p0-b-0", "p0-b-1", "p1-b-0", "p1-b-1", "p1-b-2", "p1-b-3"]);
        assert_eq!(b.values[..4], [3.0, -0.5, 4.0, -0.5]);
        let features = table.read_range("b", 1..4, Numbers::Feature).unwrap();
        assert_eq!(features.values, [104.0, 100.0, 101.0]);
        assert_eq!(features.keys, ["p0-b-1", "p1-b-0", "p1-b-1"]);
        let some = table.read_rows("b", &[5, 0, 2], Numbers::Latent).unwrap();
        assert_eq!(some.keys, ["p1-b-3", "p0-b-0", "p1-b-0"]);
        assert_eq!(some.values, [3.0, -0.5, 3.0, -0.5, 0.0, -0.5]);
        assert_eq!(some.offsets, [3072, 3072, 0]);
        assert!(
            table
                .read_rows("b", &[6], Numbers::Feature)
                .unwrap_err()
                .to_string()
                .contains("no row 6")
        );
    }

    #[test]
    fn what_is_not_a_part_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        std::fs::write(&path, "not parquet").unwrap();
        let message = LatentTable::open(&[path]).err().unwrap().to_string();
        assert!(message.contains("x.parquet"), "{message}");
    }

    /// A file whose metadata and content are of different minds.
    fn write_odd(path: &Path, shape: &str, runs: &str) {
        let schema = Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("shard", DataType::Utf8, false),
            Field::new("offset", DataType::UInt64, false),
            Field::new("latent", DataType::FixedSizeBinary(4), false),
        ]);
        let notes = [
            ("coda.latent.dtype", "f16".to_owned()),
            ("coda.latent.shape", shape.to_owned()),
            ("coda.classes", runs.to_owned()),
        ];
        let latents = FixedSizeBinaryArray::try_from_iter([[0u8; 4], [1; 4]].iter()).unwrap();
        let text = || Arc::new(StringArray::from(vec!["a", "b"]));
        let offsets = Arc::new(UInt64Array::from(vec![0, 512]));
        let columns: Vec<Arc<dyn Array>> = vec![text(), text(), offsets, Arc::new(latents)];
        let batch = RecordBatch::try_new(described(schema, "latents", &notes), columns).unwrap();
        write_all(path, path.parent().unwrap(), &batch).unwrap();
    }

    #[test]
    fn metadata_that_do_not_fit_the_rows_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.parquet");
        let open = || LatentTable::open(std::slice::from_ref(&path));
        for (shape, runs) in [
            ("1,1,2", r#"[["a",0,3]]"#),
            ("1,1,2", r#"[["a",2,1]]"#),
            ("1,1,2", r#"[["a",18446744073709551615,2]]"#),
            ("4294967296,4294967296,2", "[]"),
        ] {
            write_odd(&path, shape, runs);
            assert!(open().is_err(), "{shape} {runs}");
        }
        write_odd(&path, "1,1,2", r#"[["a",0,2]]"#);
        assert_eq!(open().unwrap().read_rows("a", &[1], Numbers::Latent).unwrap().keys, ["b"]);
        write_odd(&path, "1,1,3", r#"[["a",0,2]]"#);
        let error = open().unwrap().read_rows("a", &[1], Numbers::Latent).unwrap_err().to_string();
        assert!(error.contains("not as wide"), "{error}");
    }
}
