//! Who asks a store: each request again and again while it fails for a passing reason.

use super::client::Object;
use super::error::RemoteError;
use super::patience::{Contact, Failures};
use super::stores::Store;
use object_store::path::Path as Key;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// A store, and the patience with it.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    store: Arc<dyn Store>,
    /// For messages, which need its URL.
    about: Object,
    contact: Arc<Contact>,
    hasty: bool,
}

impl Asker {
    /// Asks `store`, which `url` names.
    pub(super) fn new(store: Arc<dyn Store>, url: &str) -> Self {
        let about = Object {
            store: store.clone(),
            path: Key::default(),
            url: url.to_owned(),
            login: false,
        };
        Self { store, about, contact: Arc::default(), hasty: false }
    }

    /// The same with a short patience, for what need not succeed.
    pub(super) fn hasty(&self) -> Self {
        Self { hasty: true, ..self.clone() }
    }

    /// The store, for a request that goes on where the one before broke.
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What `work` brings of one object.
    pub(super) async fn ask<T, F>(
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

    /// The library's error as ours.
    pub(super) fn judge(&self, error: &object_store::Error) -> RemoteError {
        RemoteError::of_store(error, &self.about)
    }

    /// Notes that the server has answered.
    pub(super) fn answered(&self) {
        self.contact.answered();
    }

    /// Waits before the next try, or gives up with `error`: as timed out where another try might have helped.
    pub(super) async fn pause(
        &self,
        failures: &mut Failures,
        error: RemoteError,
    ) -> Result<(), RemoteError> {
        if error.lasting {
            return Err(error);
        }
        let now = Instant::now();
        let Some(wait) = self.contact.failed(failures, self.hasty, now) else {
            let message = format!("{} ({})", error.message, failures.told(now));
            return Err(RemoteError { kind: io::ErrorKind::TimedOut, message, lasting: true });
        };
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
