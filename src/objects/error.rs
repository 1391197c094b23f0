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

/// Whether the server's answer is of the 400s, which no repetition changes; but for "too slow" (408) and "too many"
/// (429). The library keeps the number to itself and its message.
fn blames_the_request(said: &str) -> bool {
    let status = said.split("status code: ").nth(1).and_then(|rest| rest.get(..3));
    status.is_some_and(|code| code.starts_with('4') && code != "408" && code != "429")
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
    use super::blames_the_request;

    #[test]
    fn only_answers_that_stay_the_same_are_final() {
        let said = |code: &str| format!("Server returned non-2xx status code: {code}: <Error>");
        assert!(blames_the_request(&said("404 Not Found")));
        assert!(blames_the_request(&said("400 Bad Request")));
        for code in ["429 Too Many Requests", "408 Request Timeout", "503 Slow Down", "500"] {
            assert!(!blames_the_request(&said(code)), "{code}");
        }
        assert!(!blames_the_request("connection refused"));
    }
}
