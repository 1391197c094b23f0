//! What can go wrong in discovery. Every case is bad input or a bad setting, never arithmetic.

use std::path::PathBuf;

use crate::linalg::MatrixError;

/// An input or a setting that discovery can't work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Features that rows can't be compared by.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
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
