//! The client of an object store that tries a request again while it fails for a transient reason.

use super::backoff::{Failures, Health};
use super::error::RemoteError;
use super::object::Object;
use super::stores::Store;
use object_store::path::Path as Key;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A store, and how long requests to it are tried again.
#[derive(Debug, Clone)]
pub(super) struct RetryingClient {
    store: Arc<dyn Store>,
    /// For messages, which need its URL.
    about: Object,
    health: Arc<Health>,
    best_effort: bool,
    /// Bytes of objects that have come, by all clones.
    downloaded: Arc<AtomicU64>,
}

impl RetryingClient {
    /// The client of `store`, which `url` names.
    pub(super) fn new(store: Arc<dyn Store>, url: &str) -> Self {
        let about = Object {
            store: store.clone(),
            path: Key::default(),
            url: url.to_owned(),
            login: false,
        };
        Self {
            store,
            about,
            health: Arc::default(),
            best_effort: false,
            downloaded: Arc::default(),
        }
    }

    /// The same client with little patience, for what need not succeed.
    pub(super) fn best_effort(&self) -> Self {
        Self { best_effort: true, ..self.clone() }
    }

    /// The store, for a request that goes on where the one before broke.
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What `work` brings of one object.
    pub(super) async fn request<T, F>(
        &self,
        key: Key,
        work: impl Fn(Arc<dyn Store>, Key) -> F + Send,
    ) -> Result<T, RemoteError>
    where
        F: Future<Output = object_store::Result<T>> + Send,
    {
        let mut failures = Failures::default();
        loop {
            let error = match work(self.store.clone(), key.clone()).await {
                Ok(done) => {
                    self.answered();
                    return Ok(done);
                }
                Err(error) => self.judge(&error),
            };
            self.pause(&mut failures, error).await?;
        }
    }

    /// Counts bytes of objects that have come.
    pub(super) fn count(&self, bytes: u64) {
        self.downloaded.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of objects that have come.
    pub(super) fn downloaded(&self) -> u64 {
        self.downloaded.load(Ordering::Relaxed)
    }

    /// The library's error as ours.
    pub(super) fn judge(&self, error: &object_store::Error) -> RemoteError {
        RemoteError::of_store(error, &self.about)
    }

    /// Notes that the server has answered.
    pub(super) fn answered(&self) {
        self.health.answered();
    }

    /// Waits before the next try, or gives up with `error`: as timed out where another try might have helped.
    pub(super) async fn pause(
        &self,
        failures: &mut Failures,
        error: RemoteError,
    ) -> Result<(), RemoteError> {
        if error.permanent {
            return Err(error);
        }
        let now = Instant::now();
        let Some(wait) = self.health.failed(failures, self.best_effort, now) else {
            let message = format!("{} ({})", error.message, failures.describe(now));
            return Err(RemoteError { kind: io::ErrorKind::TimedOut, message, permanent: true });
        };
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
