//! Why a file did not get to a bucket, or from it.

use std::io;

/// A file that did not come or go.
#[derive(Debug)]
pub(crate) struct TransferError {
    /// The object's name in the bucket's folder.
    pub(crate) name: String,
    /// Whether the disk on this side is at fault, and not the server or the way to it.
    pub(crate) is_local: bool,
    pub(crate) error: io::Error,
}
