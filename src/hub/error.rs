//! Why something could not be had of the hub.

use std::io;

/// A sentence with the address and the cure, and its kind for programs.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct HubError {
    /// The whole sentence.
    pub message: String,
    /// What kind of failure it is.
    pub kind: io::ErrorKind,
}

impl HubError {
    pub(crate) fn new(kind: io::ErrorKind, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind }
    }

    /// An address, a setting or a request that is no good.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new(io::ErrorKind::InvalidInput, message)
    }
}

impl From<HubError> for io::Error {
    fn from(error: HubError) -> Self {
        Self::new(error.kind, error.message)
    }
}
