//! What servers answer, known by type: the library's own errors keep a status to themselves.

use super::error::RemoteError;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, HeaderValue};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Of an answer that says what was wrong, so much is kept.
const MOST_TEXT: usize = 2000;

/// An answer that the library has no kind of its own for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// One of the 400s or 501, with what the server wrote.
    Refused { status: u16, text: String },
    /// The whole of an object where a part was asked for.
    Whole,
    /// One that the client understood by itself.
    Known(RemoteError),
}

/// An answer that is understood already, as the library's error.
pub(crate) fn known_answer(error: RemoteError) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Answer::Known(error))
}

/// The whole of an object where a part was asked for, as the library's error.
pub(crate) fn whole_answer() -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Answer::Whole)
}

impl Answer {
    /// The answer that `error` came from, if it was one of these.
    pub(super) fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(answer) = error.downcast_ref() {
                return Some(answer);
            }
            cause = error.source();
        }
        None
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, text } => {
                write!(f, "Server returned non-2xx status code: {status}: {text}")
            }
            Self::Whole => f.write_str("the server sent the whole of an object for a part"),
            Self::Known(error) => f.write_str(&error.message),
        }
    }
}

impl Error for Answer {}

/// Connects as the library does, and has answers judged.
#[derive(Debug, Default)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Judge { inner, login: None }))
    }
}

/// A client that turns some answers into errors of ours and, where it has a login, sends it along.
#[derive(Debug)]
struct Judge {
    inner: HttpClient,
    login: Option<HeaderValue>,
}

/// `inner` with a login for every request.
pub(super) fn with_login(inner: HttpClient, login: HeaderValue) -> HttpClient {
    HttpClient::new(Judge { inner, login: Some(login) })
}

impl HttpService for Judge {
    fn call<'s, 'f>(
        &'s self,
        mut request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if let Some(login) = &self.login {
                request.headers_mut().insert("authorization", login.clone());
            }
            let part = request.headers().contains_key("range");
            judge(part, self.inner.execute(request).await?).await
        })
    }
}

async fn judge(part: bool, response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let status = response.status().as_u16();
    if part && status == 200 {
        return Err(whole_answer());
    }
    if !is_ours(status) {
        return Ok(response);
    }
    let body = response.into_body().bytes().await?;
    let text = String::from_utf8_lossy(&body).chars().take(MOST_TEXT).collect();
    Err(HttpError::new(HttpErrorKind::Unknown, Answer::Refused { status, text }))
}

/// Whether the library has no kind of its own for a status: those that it has must reach it.
fn is_ours(status: u16) -> bool {
    let known = matches!(status, 401 | 403 | 404 | 408 | 409 | 412 | 416 | 429);
    ((400..500).contains(&status) && !known) || status == 501
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_below_the_librarys_errors() {
        let answer = Answer::Refused { status: 400, text: "<Code>RequestTimeout</Code>".into() };
        let error = HttpError::new(HttpErrorKind::Unknown, answer.clone());
        let error = object_store::Error::Generic { store: "S3", source: Box::new(error) };
        assert_eq!(Answer::of(&error), Some(&answer));
        let other = object_store::Error::Generic { store: "S3", source: "no".into() };
        assert_eq!(Answer::of(&other), None);
        assert!(is_ours(400) && is_ours(501) && !is_ours(404) && !is_ours(503) && !is_ours(206));
    }
}
