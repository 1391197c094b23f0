//! What damaged Parquet files are refused by before, and while, the library reads them.

use crate::panics::caught;
use crate::shards::fault::FaultReason;
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

/// What the library does, which has panicked at bytes that make no sense, as a result.
pub(super) fn guarded<T>(
    work: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    caught(work).unwrap_or_else(|| {
        Err(ParquetError::General("its bytes make no sense to the decoder".to_owned()))
    })
}

/// The next batch of rows.
pub(super) fn next_batch(
    batches: &mut ParquetRecordBatchReader,
) -> Option<Result<RecordBatch, ParquetError>> {
    guarded(|| batches.next().transpose().map_err(ParquetError::from)).transpose()
}

/// Refuses a table of contents that points beyond the file, as cut and damaged files have.
pub(super) fn check_chunks(metadata: &ParquetMetaData, bytes: u64) -> Result<(), FaultReason> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let inside = end.and_then(|end| u64::try_from(end).ok()).is_some_and(|end| end <= bytes);
        if start < 0 || column.compressed_size() < 0 || !inside {
            let name = column.column_path().string();
            return Err(bad(&format!("column {name} lies beyond the end of the file")));
        }
    }
    if metadata.row_groups().iter().any(|group| group.num_rows() < 0) {
        return Err(bad("a row group has fewer rows than none"));
    }
    Ok(())
}

/// Whether the pages that an index tells of lie in their column chunks, in order.
pub(super) fn has_sound_index(metadata: &ParquetMetaData) -> bool {
    metadata.row_groups().iter().enumerate().all(|(number, group)| {
        let index = metadata.page_index_for_row_group(number);
        group.columns().iter().enumerate().all(|(leaf, column)| {
            let Some(pages) = index.page_locations(leaf) else { return true };
            let (start, length) = column.byte_range();
            let (mut at, mut row) = (start as i64, 0);
            !pages.is_empty()
                && pages.iter().all(|page| {
                    let in_order = page.offset >= at && page.first_row_index >= row;
                    at = page.offset.saturating_add(page.compressed_page_size.into());
                    row = page.first_row_index;
                    in_order
                        && page.compressed_page_size >= 0
                        && at <= (start + length) as i64
                        && row <= group.num_rows()
                })
        })
    })
}

pub(super) fn bad(detail: &str) -> FaultReason {
    FaultReason::BadParquet { detail: detail.to_owned() }
}
