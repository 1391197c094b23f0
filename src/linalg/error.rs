//! What makes a matrix unusable. Every case is bad input, never arithmetic.

/// A matrix that rows can't be compared by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A matrix whose buffer doesn't hold `rows · cols` values.
    #[error("a matrix of {rows} rows and {cols} columns needs rows x cols values, got {len}")]
    Shape {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Values given.
        len: usize,
    },
    /// A NaN, an infinity, or a magnitude whose square leaves the range of f32.
    #[error(
        "row {row}, column {col} holds {value}: features must be finite and within ±1e15; \
         encode that sample again or leave it out"
    )]
    Value {
        /// The first offending row.
        row: usize,
        /// The column in it.
        col: usize,
        /// What stands there.
        value: f32,
    },
    /// Rows without a single column.
    #[error("features have no columns: there is nothing to compare rows by")]
    NoColumns,
}
