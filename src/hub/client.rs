//! The client of the hub: requests, which of them carry the token, and how often they are tried again.

use super::answer::{self, Failure};
use super::environment::Environment;
use super::error::HubError;
use crate::objects::{Failures, Health, Network, RemoteError};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Response, Url};
use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The process's client. Made when first needed and kept until its end.
static HUB: Mutex<Option<Arc<Hub>>> = Mutex::new(None);
/// Redirects that are followed in a row.
const MOST_REDIRECTS: usize = 10;
/// The longest answer that is no file.
const MOST_TEXT: usize = 64 << 20;
/// A wait of this length is told.
const WORTH_A_WORD: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("coda-pipe/", env!("CARGO_PKG_VERSION"));

/// The hub, as the environment has it.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) environment: Environment,
    pub(super) network: Arc<Network>,
    /// Follows no redirects by itself: it would send the token along, or drop what the hub says of the file.
    http: reqwest::Client,
    origin: Url,
    health: Health,
    /// Commits that revisions stood for when this process first asked, so that it sees one state of a repository.
    pub(super) commits: Mutex<HashMap<String, String>>,
}

/// How an answer came.
pub(super) struct Answered {
    pub(super) response: Response,
    /// Headers of the hub's own answers, where it sent the request on: what they say of the file counts.
    pub(super) hub_headers: Vec<HeaderMap>,
    pub(super) url: Url,
}

impl Hub {
    /// The process's client.
    ///
    /// # Errors
    /// If the environment's settings can't be used.
    pub(super) fn get() -> Result<Arc<Self>, HubError> {
        let mut hub = HUB.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = &*hub {
            return Ok(hub.clone());
        }
        let made = Arc::new(Self::new(Environment::get()?)?);
        *hub = Some(made.clone());
        Ok(made)
    }

    fn new(environment: Environment) -> Result<Self, HubError> {
        let failed =
            |error: String| HubError::new(ErrorKind::Other, format!("no web client: {error}"));
        // Also chooses the encryption.
        let network = Network::get().map_err(|error| failed(error.to_string()))?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(30).min(environment.timeout))
            .read_timeout(environment.timeout)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let origin = Url::parse(&environment.endpoint)
            .map_err(|error| HubError::wrong(format!("HF_ENDPOINT is no URL: {error}")))?;
        let (health, commits) = (Health::default(), Mutex::default());
        Ok(Self { environment, network, http, origin, health, commits })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.environment.endpoint
    }

    pub(super) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Refuses a request where none may be made.
    pub(super) fn refuse_offline(&self) -> Result<(), RemoteError> {
        match self.environment.offline {
            true => Err(RemoteError::permanent(
                ErrorKind::NotConnected,
                "HF_HUB_OFFLINE is set, so that nothing is asked of the hub",
            )),
            false => Ok(()),
        }
    }

    /// Whether `url` is the hub's own: scheme, host and port.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        self.origin.origin() == url.origin()
    }

    /// The token's header, for the hub alone.
    pub(super) fn authorization(&self, url: &Url) -> Option<HeaderValue> {
        let token = self.environment.token.as_ref().filter(|_| self.is_own(url))?;
        let mut value = HeaderValue::from_str(&token.header()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// One request, without a redirect followed.
    async fn hop(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let mut request = self.http.request(method.clone(), url.clone()).headers(headers.clone());
        // A compressed file would have another length and digest.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = self.authorization(url) {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.send().await.map_err(|error| Failure::of_connection(&error))
    }

    /// Asks for `url`, follows redirects, and gives the answer that is none. `stay`: a redirect to another host is an
    /// answer where the hub says with it what the file is.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &HeaderMap,
        stay: bool,
    ) -> Result<Answered, Failure> {
        self.refuse_offline()?;
        let wrong = |error: String| {
            Failure::from(RemoteError::permanent(
                ErrorKind::InvalidInput,
                format!("no URL: {error}"),
            ))
        };
        let mut url = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let mut hub_headers = Vec::new();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.hop(&method, &url, headers).await?;
            let own = self.is_own(&url);
            let Some(target) = answer::redirect(&url, &response) else {
                let response = answer::checked(&self.environment, own, response).await?;
                return Ok(Answered { response, hub_headers, url });
            };
            hub_headers.push(response.headers().clone());
            if stay && !self.is_own(&target) && answer::describes_a_file(response.headers()) {
                return Ok(Answered { response, hub_headers, url: target });
            }
            url = target;
        }
        Err(RemoteError::permanent(ErrorKind::Other, "the hub sends the request on without an end")
            .into())
    }

    /// What `work` brings, tried again while it fails for a reason that may pass.
    pub(super) async fn persist<T, F>(&self, work: impl Fn() -> F + Send) -> Result<T, RemoteError>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let mut failures = Failures::default();
        loop {
            match work().await {
                Ok(done) => {
                    self.health.answered();
                    return Ok(done);
                }
                Err(failure) => self.pause(&mut failures, failure).await?,
            }
        }
    }

    /// Notes that the hub has answered.
    pub(super) fn answered(&self) {
        self.health.answered();
    }

    /// Waits before the next try, at least as long as the server asks for, or gives up.
    pub(super) async fn pause(
        &self,
        failures: &mut Failures,
        failure: Failure,
    ) -> Result<(), RemoteError> {
        let Failure { error, wait: asked, answered, .. } = failure;
        if error.permanent {
            return Err(error);
        }
        if answered {
            self.health.answered();
        }
        let now = Instant::now();
        let asked = asked.unwrap_or_default();
        match self.health.failed(failures, false, now) {
            Some(wait) if asked <= answer::LONGEST_WAIT => {
                if asked >= WORTH_A_WORD {
                    crate::say!("waiting {} s: {}", asked.as_secs(), error.message);
                }
                tokio::time::sleep(wait.max(asked)).await;
                Ok(())
            }
            _ => {
                let message = match asked > answer::LONGEST_WAIT {
                    true => format!("{}; it asks to wait {} s", error.message, asked.as_secs()),
                    false => format!("{} ({})", error.message, failures.describe(now)),
                };
                Err(RemoteError { kind: ErrorKind::TimedOut, message, permanent: true })
            }
        }
    }

    /// The JSON behind `url`, and the URL of the next page.
    pub(super) async fn json(
        &self,
        url: &str,
    ) -> Result<(serde_json::Value, Option<String>), RemoteError> {
        self.persist(|| async {
            let mut answered = self.ask(Method::GET, url, &HeaderMap::new(), false).await?;
            let next = answer::next_page(&answered.url, answered.response.headers());
            let mut text = Vec::new();
            while let Some(piece) =
                answered.response.chunk().await.map_err(|error| Failure::of_connection(&error))?
            {
                text.extend_from_slice(&piece);
                if text.len() > MOST_TEXT {
                    return Err(answer::nonsense("its answer has no end").into());
                }
            }
            match serde_json::from_slice(&text) {
                Ok(value) => Ok((value, next)),
                Err(_) => Err(answer::nonsense("its answer is no JSON").into()),
            }
        })
        .await
    }
}
