//! What can go wrong in discovery. Every case is bad input or a bad setting, never arithmetic.

use std::path::PathBuf;

/// An input or a setting that discovery can't work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
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
    /// Fewer rows than cores asked for.
    #[error("{rows} rows can't give {ipc} distinct cores: lower IPC to {rows} or add samples")]
    TooFewRows {
        /// Rows there are (n).
        rows: usize,
        /// Images per class asked for.
        ipc: usize,
    },
    /// A setting outside its range.
    #[error("{name} = {value} is not possible: it must be {rule}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its value, as written.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// Latents that don't have the shape that was said.
    #[error("a latent row of {cols} values is not {channels} channels of {height} x {width}")]
    Latent {
        /// Values in a row.
        cols: usize,
        /// Channels said.
        channels: usize,
        /// Height said.
        height: usize,
        /// Width said.
        width: usize,
    },
    /// An index that couldn't be written.
    #[error("cannot write the neighbour index {path}: {reason}")]
    IndexWrite {
        /// The file at fault.
        path: PathBuf,
        /// What the system or the index library said.
        reason: String,
    },
    /// An index that couldn't be read back.
    #[error("cannot read the neighbour index {path}: {reason}; delete it and run discover again")]
    IndexRead {
        /// The file at fault.
        path: PathBuf,
        /// What the system or the index library said.
        reason: String,
    },
}
