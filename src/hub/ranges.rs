//! Files of the hub as objects that are read in ranges.
//!
//! The hub sends each request on to a store, with a signature in the address that holds for a while: that address is asked
//! for the next ranges, and a new one when it holds no more. What is read is known by the hub's own tag of the content.

use super::address::HubAddress;
use super::answer::{self, LONGEST_WAIT, text};
use super::client::Hub;
use super::tree::{clean_etag, is_commit};
use crate::objects::{Object, RemoteError, changed, known_answer, web_object, whole_answer};
use object_store::HeaderValue;
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpResponse, HttpService};
use reqwest::Url;
use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The hub's signatures hold for an hour.
const TARGET_HOLDS: Duration = Duration::from_secs(900);
const MOST_TARGETS: usize = 20_000;
const MOST_REDIRECTS: usize = 10;

/// Where the hub sent on to, by the file's URL.
static TARGETS: Mutex<Option<HashMap<String, Target>>> = Mutex::new(None);

#[derive(Debug, Clone)]
struct Target {
    url: Url,
    etag: String,
    since: Instant,
}

/// The file that an address names, to be read in ranges; nothing is asked of the hub yet.
///
/// # Errors
/// If the address or the environment's settings can't be used, or the hub is not to be asked.
pub(crate) fn object(url: &str) -> Result<Object, RemoteError> {
    let wrong = |error: super::HubError| RemoteError::permanent(error.kind, error.message);
    let address = HubAddress::parse(url).map_err(wrong)?;
    if address.path.is_empty() {
        let problem = "it names a repository: add the path of a file";
        return Err(RemoteError::permanent(ErrorKind::InvalidInput, problem));
    }
    let hub = Hub::get().map_err(wrong)?;
    refuse_offline(&hub)?;
    let sent = address.file_url(hub.endpoint(), &address.revision, &address.path);
    let inner = HttpClient::new(hub.http());
    web_object(&sent, url, HttpClient::new(Ranges { hub, inner, address }))
}

/// Refuses to stream where the hub is not to be asked.
pub(super) fn refuse_offline(hub: &Hub) -> Result<(), RemoteError> {
    hub.refuse_offline().map_err(|error| RemoteError {
        message: format!(
            "{}; data sets are streamed and not kept in the cache: fetch the files once (`hf download`) and name their folder",
            error.message
        ),
        ..error
    })
}

/// A client of one file.
#[derive(Debug)]
struct Ranges {
    hub: Arc<Hub>,
    inner: HttpClient,
    address: HubAddress,
}

impl HttpService for Ranges {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.answer(request))
    }
}

impl Ranges {
    async fn answer(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // The store has tags of its own: the hub's is compared here.
        let expected = request.headers_mut().remove("if-match");
        let expected = expected.and_then(|tag| clean_etag(tag.to_str().ok()?).ok());
        request.headers_mut().insert("accept-encoding", HeaderValue::from_static("identity"));
        let part = request.headers().contains_key("range");
        let (mut response, etag) = self.follow(&request).await?;
        if expected.is_some_and(|expected| expected != etag) {
            return Err(known_answer(changed()));
        }
        if part && response.status().as_u16() == 200 {
            return Err(whole_answer());
        }
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{etag}\"")) {
            response.headers_mut().insert("etag", tag);
        }
        Ok(response)
    }

    /// The answer of the one who has the file, and the hub's tag of the content.
    async fn follow(&self, request: &HttpRequest) -> Result<(HttpResponse, String), HttpError> {
        let name = self.address.to_string();
        if let Some(target) = known(&name) {
            let response = self.hop(request, &target.url).await?;
            if response.status().is_success() {
                return Ok((response, target.etag));
            }
            forget(&name);
            if !matches!(response.status().as_u16(), 400..=404 | 410) {
                return Err(self.refused(false, &response).await);
            }
        }
        let mut url = self.url()?;
        let (mut tag, mut on_the_way) = (None, false);
        for _ in 0..=MOST_REDIRECTS {
            let (own, response) = (self.hub.is_own(&url), self.hop(request, &url).await?);
            let linked = text(response.headers(), "x-linked-etag").map(str::to_owned);
            tag = tag.or(linked);
            self.pin(text(response.headers(), "x-repo-commit"));
            if response.status().is_redirection() {
                let target = text(response.headers(), "location");
                let target = target.and_then(|target| url.join(target).ok());
                url = target.ok_or_else(|| odd("the hub sends on to nowhere"))?;
                on_the_way = true;
                continue;
            }
            if !response.status().is_success() {
                return Err(self.refused(own, &response).await);
            }
            let tag = tag.or_else(|| text(response.headers(), "etag").map(str::to_owned));
            let tag = tag.ok_or_else(|| odd("the hub's answer has no ETag"))?;
            let etag = clean_etag(&tag).map_err(known_answer)?;
            if on_the_way && !own {
                remember(name, Target { url, etag: etag.clone(), since: Instant::now() });
            }
            return Ok((response, etag));
        }
        Err(odd("the hub sends the request on without an end"))
    }

    /// The file's URL at the commit that this process saw first, if it has seen one.
    fn url(&self) -> Result<Url, HttpError> {
        let commits = self.hub.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = commits.get(&self.revision_url()).unwrap_or(&self.address.revision);
        let url = self.address.file_url(self.hub.endpoint(), revision, &self.address.path);
        Url::parse(&url).map_err(|_| odd("HF_ENDPOINT is no URL"))
    }

    /// Under which the commit of the address's revision is known.
    fn revision_url(&self) -> String {
        super::tree::commit_url(&self.hub, &self.address)
    }

    /// Stays with the commit of a first answer: a repository that changes meanwhile is read as it was.
    fn pin(&self, commit: Option<&str>) {
        if let Some(commit) = commit.filter(|commit| is_commit(commit)) {
            let mut commits = self.hub.commits.lock().unwrap_or_else(PoisonError::into_inner);
            commits.entry(self.revision_url()).or_insert_with(|| commit.to_owned());
        }
    }

    async fn hop(&self, request: &HttpRequest, url: &Url) -> Result<HttpResponse, HttpError> {
        let mut request = request.clone();
        *request.uri_mut() = url.as_str().parse().map_err(|_| odd("the hub sends on to no URL"))?;
        if let Some(token) = self.hub.authorization(url) {
            request.headers_mut().insert("authorization", token);
        }
        self.inner.execute(request).await
    }

    /// What a bad answer means; waits as long as the server asks for.
    async fn refused(&self, own: bool, response: &HttpResponse) -> HttpError {
        let failure = answer::failure(
            &self.hub.environment,
            own,
            response.status().as_u16(),
            response.headers(),
        );
        if let Some(wait) =
            failure.wait.filter(|wait| !failure.error.permanent && *wait <= LONGEST_WAIT)
        {
            tokio::time::sleep(wait).await;
        }
        known_answer(failure.error)
    }
}

fn odd(what: &str) -> HttpError {
    known_answer(RemoteError::permanent(ErrorKind::InvalidData, what))
}

fn known(name: &str) -> Option<Target> {
    let targets = TARGETS.lock().unwrap_or_else(PoisonError::into_inner);
    let target = targets.as_ref()?.get(name)?;
    (target.since.elapsed() < TARGET_HOLDS).then(|| target.clone())
}

fn forget(name: &str) {
    if let Some(targets) = &mut *TARGETS.lock().unwrap_or_else(PoisonError::into_inner) {
        targets.remove(name);
    }
}

fn remember(name: String, target: Target) {
    let mut targets = TARGETS.lock().unwrap_or_else(PoisonError::into_inner);
    let targets = targets.get_or_insert_default();
    if targets.len() >= MOST_TARGETS {
        targets.retain(|_, target| target.since.elapsed() < TARGET_HOLDS);
    }
    if targets.len() < MOST_TARGETS {
        targets.insert(name, target);
    }
}
