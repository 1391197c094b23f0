//! How the columns of other programs' Parquet files are compressed.

use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

/// Why a file can't be read, where a column is compressed in a way that this build has not.
pub fn unread_codec(metadata: &ParquetMetaData) -> Option<String> {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    let (column, name) = columns.find_map(|column| {
        let name = match column.compression() {
            Compression::BROTLI(_) => "brotli",
            Compression::LZO => "lzo",
            _ => return None,
        };
        Some((column.column_path().string(), name))
    })?;
    Some(format!(
        "column {column} is compressed with {name}, which is not read: write it with snappy, gzip or zstd"
    ))
}
