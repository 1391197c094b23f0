//! What a server or the way to it did wrong, and whether asking again may help.

use std::error::Error;
use std::io;

use super::client::Object;

/// A failed request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RemoteError {
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
            E::NotSupported { .. } => no_ranges(),
            E::Generic { .. } if said.contains("ange request") || said.contains("non-partial") => {
                no_ranges()
            }
            E::Generic { .. } if blames_the_request(&said) => {
                Self::lasting(io::ErrorKind::InvalidInput, said)
            }
            E::Generic { .. } => Self::passing(said),
            _ => Self::lasting(io::ErrorKind::Other, said),
        }
    }
}

fn no_ranges() -> RemoteError {
    RemoteError::lasting(
        io::ErrorKind::Unsupported,
        "the server does not answer requests for a part of a file; read it with `pipe:curl -sf URL`",
    )
}

/// The number of the server's answer, which the library keeps to itself and its message.
fn status(said: &str) -> Option<&str> {
    said.split("status code: ").nth(1).and_then(|rest| rest.get(..3))
}

/// Whether the server's answer is of the 400s, which no repetition changes; but for "too slow" (408, of S3 a 400 by that
/// name) and "too many" (429).
fn blames_the_request(said: &str) -> bool {
    let of_400s = |code: &str| code.starts_with('4') && code != "408" && code != "429";
    status(said).is_some_and(of_400s) && !said.contains("RequestTimeout")
}

/// Whether a request asked for what the server, or the library for it, can't do at all.
pub(super) fn is_not_implemented(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    match error {
        E::NotImplemented { .. } => true,
        E::Generic { .. } => status(&deepest(error)) == Some("501"),
        _ => false,
    }
}

/// The complaint that the object is another one than was planned with.
pub(crate) fn changed() -> RemoteError {
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

#[cfg(test)]
mod tests {
    use super::{blames_the_request, is_not_implemented};

    #[test]
    fn only_answers_that_stay_the_same_are_final() {
        let said = |code: &str| format!("Server returned non-2xx status code: {code}: <Error>");
        assert!(blames_the_request(&said("404 Not Found")));
        assert!(blames_the_request(&said("400 Bad Request")));
        assert!(!blames_the_request(&said("400 Bad Request: <Error><Code>RequestTimeout</Code>")));
        for code in ["429 Too Many Requests", "408 Request Timeout", "503 Slow Down", "500"] {
            assert!(!blames_the_request(&said(code)), "{code}");
        }
        assert!(!blames_the_request("connection refused"));
    }

    #[test]
    fn a_server_that_lacks_something_is_told_from_one_that_fails() {
        let said = |code: &str| {
            let said = format!("Server returned non-2xx status code: {code}");
            object_store::Error::Generic { store: "S3", source: said.into() }
        };
        assert!(is_not_implemented(&said("501 Not Implemented: <Code>NotImplemented</Code>")));
        assert!(!is_not_implemented(&said("500 Internal Server Error: ")));
    }
}
