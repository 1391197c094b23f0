//! What a server or the way to it did wrong, and whether asking again may help.

use std::error::Error;
use std::io;

use super::client::Object;

/// A failed request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(super) struct RemoteError {
    pub kind: io::ErrorKind,
    pub message: String,
    /// Whether another try would end the same way.
    pub lasting: bool,
}

impl RemoteError {
    pub fn lasting(kind: io::ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), lasting: true }
    }

    pub fn passing(message: impl Into<String>) -> Self {
        Self { kind: io::ErrorKind::Other, message: message.into(), lasting: false }
    }

    /// The library's error, in our words where the user can do something about it.
    pub fn of_store(error: &object_store::Error, object: &Object) -> Self {
        use object_store::Error as E;
        let said = object.tidy(&deepest(error));
        match error {
            E::NotFound { .. } => {
                Self::lasting(io::ErrorKind::NotFound, format!("there is no such object ({said})"))
            }
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::lasting(
                io::ErrorKind::PermissionDenied,
                format!("the server refuses access ({said}); {}", object.credentials()),
            ),
            E::Precondition { .. } => changed(),
            E::Generic { .. } if said.contains("ange request") || said.contains("non-partial") => {
                Self::lasting(
                    io::ErrorKind::Unsupported,
                    "the server does not answer requests for a part of a file; read it with \
                     `pipe:curl -sf URL`",
                )
            }
            // A request that the server does not understand will not be understood later either.
            E::Generic { .. } if said.contains("400 Bad Request") => {
                Self::lasting(io::ErrorKind::InvalidInput, said)
            }
            E::Generic { .. } => Self::passing(said),
            _ => Self::lasting(io::ErrorKind::Other, said),
        }
    }
}

/// The complaint that the object is another one than was planned with.
pub(super) fn changed() -> RemoteError {
    RemoteError::lasting(
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
        Self::lasting(error.kind(), error.to_string())
    }
}

/// The innermost cause that says something: the outer ones repeat it with the library's own names.
fn deepest(error: &object_store::Error) -> String {
    let mut texts = Vec::new();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    let mut said: Vec<String> = Vec::new();
    for text in texts {
        // An outer message often holds the inner one already.
        if !said.iter().any(|outer| outer.contains(&text)) {
            said.push(text);
        }
    }
    if said.is_empty() { error.to_string() } else { said.join(": ") }
}
