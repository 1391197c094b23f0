//! What discovery refuses.

/// Why cores can't be found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The values do not fill the matrix.
    #[error("{values} values do not make {rows} rows of {cols}")]
    Shape {
        /// Rows wanted.
        rows: usize,
        /// Columns wanted.
        cols: usize,
        /// Values given.
        values: usize,
    },
    /// A feature is NaN or infinite.
    #[error(
        "row {row} has the value {value}: features must be finite; was it encoded by a graph that overflows?"
    )]
    NotFinite {
        /// The row.
        row: usize,
        /// The value.
        value: f32,
    },
    /// Fewer samples than cores asked for.
    #[error("{samples} images are fewer than ipc = {ipc}; lower it, or leave the class out")]
    TooFew {
        /// Samples there are.
        samples: usize,
        /// Cores asked for.
        ipc: usize,
    },
    /// The neighbour index could not be written.
    #[error("cannot write the HNSW index: {0}")]
    Index(String),
}
