//! What the hub's answers mean: redirects, refusals with their cures, requests to wait.

use super::environment::Environment;
use crate::objects::{RemoteError, without_secrets_in};
use reqwest::header::{self, HeaderMap};
use reqwest::{Response, Url};
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

/// A server that asks for a longer wait is not waited for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Of an answer that says what was wrong, so much is shown.
const MOST_SAID: usize = 300;

/// A request that came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: RemoteError,
    /// How long the server asks to wait.
    pub(super) wait: Option<Duration>,
    /// Whether there is a server at all.
    pub(super) answered: bool,
    /// Whether the store refuses what the hub sent on to it: another address may do, but not for ever.
    pub(super) by_store: bool,
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        Self { error, wait: None, answered: true, by_store: false }
    }
}

impl Failure {
    /// No answer, or one that broke off.
    pub(super) fn of_connection(error: &reqwest::Error) -> Self {
        let mut said = Vec::new();
        let mut cause: Option<&dyn Error> = Some(error);
        while let Some(error) = cause {
            said.push(error.to_string());
            cause = error.source();
        }
        // The outermost names the URL, whose query may be a secret; the innermost says what is wrong.
        let text = said.last().map_or("", String::as_str);
        let text = match error.is_timeout() {
            true => "nothing came for too long",
            false => text,
        };
        Self {
            error: RemoteError::transient(without_secrets_in(text)),
            wait: None,
            answered: false,
            by_store: false,
        }
    }
}

/// An answer that no hub gives: something else is at that address.
pub(super) fn nonsense(what: &str) -> RemoteError {
    RemoteError::permanent(
        ErrorKind::InvalidData,
        format!(
            "{what}, so that it seems to be no hub: look at HF_ENDPOINT and at the network's proxy"
        ),
    )
}

/// Where a redirect leads; `None` for another answer.
pub(super) fn redirect(url: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = response.headers().get(header::LOCATION)?.to_str().ok()?;
    url.join(target).ok().filter(|target| matches!(target.scheme(), "http" | "https"))
}

/// Whether the hub says with a redirect what the file is.
pub(super) fn describes_a_file(headers: &HeaderMap) -> bool {
    headers.contains_key("x-linked-etag") || headers.contains_key("x-repo-commit")
}

/// The text of a header.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The URL of the page behind this one, of the header `Link`.
pub(super) fn next_page(url: &Url, headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(header::LINK).iter().filter_map(|link| link.to_str().ok());
    let next = links.flat_map(|links| links.split(',')).find_map(|link| {
        let (target, about) = link.trim().strip_prefix('<')?.split_once('>')?;
        about.replace(['"', ' '], "").split(';').any(|word| word == "rel=next").then_some(target)
    });
    url.join(next?).ok().map(|url| url.to_string())
}

/// The answer, if it is a good one.
pub(super) async fn checked(
    environment: &Environment,
    own: bool,
    response: Response,
) -> Result<Response, Failure> {
    if response.status().is_success() {
        return Ok(response);
    }
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Err(failure(environment, own, status, &headers))
}

/// The failure that an answer is; `own`: it is the hub's, and not of a store that the hub sent on to.
pub(super) fn failure(
    environment: &Environment,
    own: bool,
    status: u16,
    headers: &HeaderMap,
) -> Failure {
    let wait = retry_after(headers);
    let said = said(headers);
    let passing = |message: String| Failure {
        error: RemoteError::transient(message),
        wait,
        answered: true,
        by_store: !own && status < 500 && !matches!(status, 408 | 425 | 429),
    };
    match status {
        408 | 425 | 500..=599 => passing(format!("the server answers {status}{said}")),
        429 => passing(format!("the hub answers 429, too many requests{said}")),
        // An address with a signature that has run out: the hub gives another.
        400..=499 if !own => passing(format!("the store that the hub sent on to answers {status}")),
        _ => refusal(environment, status, headers, &said).into(),
    }
}

/// The hub's refusal, with its cure.
fn refusal(environment: &Environment, status: u16, headers: &HeaderMap, said: &str) -> RemoteError {
    let denied = |message: String| RemoteError::permanent(ErrorKind::PermissionDenied, message);
    let missing = |message: String| RemoteError::permanent(ErrorKind::NotFound, message);
    let endpoint = &environment.endpoint;
    let tokens = format!("{endpoint}/settings/tokens");
    let token = environment.token.as_ref();
    let code = text(headers, "x-error-code").unwrap_or_default();
    let bad_token =
        text(headers, "x-error-message").unwrap_or_default().contains("Invalid credentials");
    match (status, code, token) {
        (_, "GatedRepo", None) => denied(format!(
            "access is restricted: accept the conditions on its page, make a token at {tokens} and set HF_TOKEN to it{said}"
        )),
        (_, "GatedRepo", Some(token)) => denied(format!(
            "access is restricted, and the account of the token in {} has none: accept the conditions on its page with that \
             account, or wait until its owner agrees; a fine-grained token must also allow to read gated repositories{said}",
            token.source
        )),
        (404, "EntryNotFound", _) => {
            missing("the repository has no such file at this revision".to_owned())
        }
        (404, "RevisionNotFound", _) => missing(
            "the repository has no such revision: name a branch, a tag or a commit".to_owned(),
        ),
        (401, _, Some(token)) if bad_token || code != "RepoNotFound" => denied(format!(
            "the token in {} is wrong or has run out: make another at {tokens}{said}",
            token.source
        )),
        (401 | 404, _, None) => missing(format!(
            "there is no such repository, or it is private: check the name (data sets begin with hf://datasets/), or make a \
             token at {tokens} and set HF_TOKEN to it"
        )),
        (401 | 404, _, Some(token)) => missing(format!(
            "there is no such repository, or the token in {} may not read it: check the name (data sets begin with \
             hf://datasets/)",
            token.source
        )),
        (403, ..) => denied(format!(
            "the hub refuses access{said}; look at what the token may do at {tokens}"
        )),
        _ => RemoteError::permanent(ErrorKind::Other, format!("the hub answers {status}{said}")),
    }
}

/// What the server says itself, in brackets; nothing that it does not say.
fn said(headers: &HeaderMap) -> String {
    let text = text(headers, "x-error-message").unwrap_or_default();
    let text: String = text.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect();
    if text.is_empty() { text } else { format!(" (“{}”)", without_secrets_in(&text)) }
}

/// How long the server asks to wait, in seconds: `Retry-After`, or `t` of `RateLimit`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |text: &str| text.trim().parse::<u64>().ok().map(Duration::from_secs);
    if let Some(wait) = text(headers, "retry-after").and_then(seconds) {
        return Some(wait);
    }
    let limit = text(headers, "ratelimit")?;
    let words = limit.split([';', ',']).map(str::trim);
    words.filter_map(|word| word.strip_prefix("t=")).find_map(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_next_page_is_the_link_of_that_name() {
        let url = Url::parse("http://h/api/models/a/b/tree/main?recursive=true").unwrap();
        let next = |link| next_page(&url, &headers(&[("link", link)]));
        assert_eq!(
            next("<http://h/p?cursor=a%3D>; rel=\"next\"").as_deref(),
            Some("http://h/p?cursor=a%3D")
        );
        assert_eq!(
            next("</p?c=1>; rel=prev, </p?c=2>; rel=next").as_deref(),
            Some("http://h/p?c=2")
        );
        assert_eq!(next("</p?c=1>; rel=\"prev\""), None);
    }

    #[test]
    fn a_wait_is_taken_from_either_header() {
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let limit = headers(&[("ratelimit", "\"resolvers\";r=0;t=42")]);
        assert_eq!(retry_after(&limit), Some(Duration::from_secs(42)));
        assert_eq!(
            retry_after(&headers(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")])),
            None
        );
    }
}
