//! What a server or the way to it did wrong, and whether asking again may help.

use std::io;

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RemoteError {
    pub kind: io::ErrorKind,
    pub message: String,
    /// Whether another try would end the same way.
    pub permanent: bool,
}

impl RemoteError {
    pub fn permanent(kind: io::ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), permanent: true }
    }

    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: io::ErrorKind::Other, message: message.into(), permanent: false }
    }
}

/// The complaint that the object is another one than was planned with.
pub(crate) fn changed() -> RemoteError {
    RemoteError::permanent(
        io::ErrorKind::Other,
        "the object was changed on the server after this command had looked at it; run it again",
    )
}

impl From<RemoteError> for io::Error {
    fn from(error: RemoteError) -> Self {
        io::Error::new(error.kind, error.message)
    }
}

impl From<io::Error> for RemoteError {
    fn from(error: io::Error) -> Self {
        Self::permanent(error.kind(), error.to_string())
    }
}
