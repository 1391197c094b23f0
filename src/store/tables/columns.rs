//! Record batches to and from whole Parquet files, and typed columns out of batches.

use crate::store::{AtomicFile, StoreError, Written};
use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{ArrowPrimitiveType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Settings that all our files share: a fixed author string, so that bytes depend on content alone, and zstd.
pub(super) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(concat!("coda-pipe ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
}

/// `schema` with the file's kind, our version of it, and `extra` in its metadata.
pub(super) fn described(schema: Schema, kind: &str, extra: &[(&str, String)]) -> Arc<Schema> {
    let mut metadata: HashMap<String, String> =
        extra.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    metadata.insert("coda.kind".into(), kind.into());
    metadata.insert("coda.version".into(), "1".into());
    Arc::new(schema.with_metadata(metadata))
}

/// Writes one batch as a whole file.
///
/// # Errors
/// If it can't be encoded or written.
pub fn write_all(path: &Path, root: &Path, batch: &RecordBatch) -> Result<Written, StoreError> {
    let file = AtomicFile::create(path)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties().build()))
        .map_err(StoreError::table(path))?;
    writer.write(batch).map_err(StoreError::writing_table(path))?;
    writer.into_inner().map_err(StoreError::writing_table(path))?.publish(root)
}

/// Reads a whole file as one batch. Only for tables with a row per core, class or fault.
///
/// # Errors
/// If it can't be read or is not Parquet.
pub fn read_all(path: &Path) -> Result<RecordBatch, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(StoreError::table(path))?;
    let schema = builder.schema().clone();
    let reader = builder.build().map_err(StoreError::table(path))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(StoreError::table(path))?;
    concat_batches(&schema, &batches).map_err(StoreError::table(path))
}

/// Columns of a batch by name and type; errors name the file.
pub(super) struct Columns<'a> {
    pub(super) batch: &'a RecordBatch,
    pub(super) path: &'a Path,
}

impl<'a> Columns<'a> {
    fn column(&self, name: &str) -> Result<&'a Arc<dyn Array>, StoreError> {
        let missing = || StoreError::table(self.path)(format!("it has no column `{name}`"));
        self.batch.column_by_name(name).ok_or_else(missing)
    }

    fn wrong(&self, name: &str) -> StoreError {
        StoreError::table(self.path)(format!("its column `{name}` has another type than ours"))
    }

    pub(super) fn strings(&self, name: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.texts(name)?.iter().map(|s| s.unwrap_or_default().to_owned()).collect())
    }

    /// A column of texts, where it lies.
    pub(super) fn texts(&self, name: &str) -> Result<&'a StringArray, StoreError> {
        self.column(name)?.as_string_opt::<i32>().ok_or_else(|| self.wrong(name))
    }

    pub(super) fn numbers<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<&'a [T::Native], StoreError> {
        let column = self.column(name)?.as_primitive_opt::<T>().ok_or_else(|| self.wrong(name))?;
        Ok(column.values())
    }

    /// A column of numbers that may be absent.
    pub(super) fn optional<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<&'a PrimitiveArray<T>, StoreError> {
        self.column(name)?.as_primitive_opt::<T>().ok_or_else(|| self.wrong(name))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        let column =
            self.column(name)?.as_fixed_size_binary_opt().ok_or_else(|| self.wrong(name))?;
        let width = column.value_length() as usize;
        let from = column.offset() * width;
        column.value_data().get(from..from + column.len() * width).ok_or_else(|| self.wrong(name))
    }
}
