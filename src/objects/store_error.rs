//! What the library says of a failed request, in our words.

use super::answers::Answer;
use super::error::{RemoteError, changed};
use super::object::Object;
use std::error::Error;
use std::io;

impl RemoteError {
    /// The library's error, in our words where the user can do something about it.
    pub fn of_store(error: &object_store::Error, object: &Object) -> Self {
        use object_store::Error as E;
        let said = object.tidy(&deepest(error));
        match error {
            E::NotFound { .. } => Self::permanent(
                io::ErrorKind::NotFound,
                format!("there is no such object ({said})"),
            ),
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::permanent(
                io::ErrorKind::PermissionDenied,
                format!("the server refuses access ({said}); {}", object.credentials()),
            ),
            E::Precondition { .. } => changed(),
            E::NotSupported { .. } => no_ranges(object),
            E::Generic { .. } => match Answer::of(error) {
                Some(Answer::Whole) => no_ranges(object),
                Some(Answer::Known(error)) => error.clone(),
                Some(answer) if blames_the_request(answer) => {
                    Self::permanent(io::ErrorKind::InvalidInput, said)
                }
                _ => Self::transient(said),
            },
            _ => Self::permanent(io::ErrorKind::Other, said),
        }
    }
}

fn no_ranges(object: &Object) -> RemoteError {
    // A login is no part of the URL any more.
    let login = if object.login { "-u USER:PASSWORD " } else { "" };
    RemoteError::permanent(
        io::ErrorKind::Unsupported,
        format!(
            "the server does not answer requests for a part of a file; read it with `pipe:curl -sf {login}URL`"
        ),
    )
}

/// Whether the server's answer is of the 400s, which no repetition changes. "Too slow" (408, of S3 a 400 by that name)
/// and "too many" (429) are none.
fn blames_the_request(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { status: 400..500, text } if !text.contains("<Code>RequestTimeout</Code>"))
}

/// Whether a request asked for what the server, or the library for it, can't do at all.
pub(super) fn is_not_implemented(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. })
        || matches!(Answer::of(error), Some(Answer::Refused { status: 501, .. }))
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
    use super::*;

    fn refused(status: u16, text: &str) -> Answer {
        Answer::Refused { status, text: text.to_owned() }
    }

    #[test]
    fn only_answers_that_stay_the_same_are_final() {
        assert!(blames_the_request(&refused(400, "Bad Request")));
        assert!(blames_the_request(&refused(410, "Gone")));
        let slow = "<Error><Code>RequestTimeout</Code></Error>";
        assert!(!blames_the_request(&refused(400, slow)));
        assert!(!blames_the_request(&refused(501, "Not Implemented")));
        assert!(!blames_the_request(&Answer::Whole));
    }

    #[test]
    fn a_server_that_lacks_something_is_told_from_one_that_fails() {
        let generic = |source| object_store::Error::Generic { store: "S3", source };
        assert!(is_not_implemented(&generic(Box::new(refused(501, "NotImplemented")))));
        assert!(!is_not_implemented(&generic(Box::new(refused(400, "no")))));
        assert!(!is_not_implemented(&generic("status code: 501".into())));
    }
}
