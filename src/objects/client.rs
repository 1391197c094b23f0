//! Connections: a few threads for requests, one client per bucket, one for all web servers.

use super::object::Object;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use object_store::client::{HttpClient, HttpConnector};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, HeaderValue};
use tokio::runtime::Handle;

use super::answers::{Connector, with_login};
use super::error::RemoteError;
use super::stores::{Store, build, no_retries};
use super::urls::{split, without_login, without_secrets};

/// The process's connections. Made when first needed and kept until its end.
static NETWORK: Mutex<Option<Arc<Network>>> = Mutex::new(None);

/// The threads that requests run on, and the clients.
#[derive(Debug)]
pub(crate) struct Network {
    runtime: Handle,
    web: HttpClient,
    buckets: Mutex<HashMap<String, Arc<dyn Store>>>,
}

/// Starts the threads that requests run on: several, as one would decrypt, write files and answer everybody by turns; one
/// where this process may start only a few.
fn start() -> io::Result<Handle> {
    let cores = crate::threads::cores();
    if cores < crate::threads::machine() {
        return start_one();
    }
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(crate::threads::network(cores))
        .thread_name("network")
        .enable_all()
        .build()?;
    let handle = built.handle().clone();
    // It serves to the process's end.
    std::mem::forget(built);
    Ok(handle)
}

/// Starts the thread that requests run on, and the one that looks up names: where that can't be started later, the runtime
/// would panic.
fn start_one() -> io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(std::time::Duration::from_secs(1 << 30))
        .build()?;
    let (handle, (ready, is_ready)) =
        (runtime.handle().clone(), std::sync::mpsc::sync_channel::<()>(1));
    crate::threads::spawn("network", move || {
        runtime.block_on(async {
            if tokio::task::spawn_blocking(|| ()).await.is_ok() {
                let _ = ready.send(());
                std::future::pending::<()>().await;
            }
        });
    })?;
    is_ready.recv().map_err(|_| io::Error::other("the thread for requests ended"))?;
    Ok(handle)
}

/// Does what waits for a file, on one of the network's threads, while the others go on.
pub(crate) fn beside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl Network {
    /// The process's connections.
    ///
    /// # Errors
    /// If their thread or the encryption can't be started.
    pub fn get() -> Result<Arc<Self>, RemoteError> {
        let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = &*network {
            return Ok(network.clone());
        }
        // Another part of the process may have chosen one already: that will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = start()?;
        let options = ClientOptions::new().with_allow_http(true);
        let web = Connector.connect(&options).map_err(|error| {
            RemoteError::permanent(io::ErrorKind::Other, format!("no web client: {error}"))
        })?;
        let made = Arc::new(Self { runtime, web, buckets: Mutex::default() });
        *network = Some(made.clone());
        Ok(made)
    }

    /// Runs `work` on the network's thread, beside the caller.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Runs `work` on the network's thread and waits for it; the caller may be a task of another
    /// runtime, if a short wait does no harm there.
    ///
    /// # Errors
    /// If the work died.
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RemoteError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = sender.send(work.await);
        });
        receiver.recv().map_err(|_| {
            RemoteError::permanent(io::ErrorKind::Other, "a request died; this is a bug")
        })
    }

    /// The object behind a URL; nothing is asked of the server yet.
    ///
    /// # Errors
    /// If the URL or the settings of its client can't be used.
    pub fn object(&self, url: &str) -> Result<Object, RemoteError> {
        let wrong = |problem: String| RemoteError::permanent(io::ErrorKind::InvalidInput, problem);
        if url.starts_with("http") {
            let login = login(url)?;
            let (sent, has_login) = (without_login(url), login.is_some());
            let web = self.web.clone();
            let web = login.map_or(web.clone(), |login| with_login(web, login));
            return Ok(Object { login: has_login, ..web_object(&sent, &sent, web)? });
        }
        let (bucket, key) =
            split(url).ok_or_else(|| wrong(format!("no bucket in {}", without_secrets(url))))?;
        let path = Path::parse(key).map_err(|error| wrong(error.to_string()))?;
        Ok(Object { store: self.bucket(bucket)?, path, url: url.to_owned(), login: false })
    }

    /// The client of `s3://BUCKET`, `gs://BUCKET` or `az://CONTAINER`, with credentials and endpoint from
    /// the environment.
    pub fn bucket(&self, bucket: &str) -> Result<Arc<dyn Store>, RemoteError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(bucket) {
            return Ok(store.clone());
        }
        let store = build(bucket).map_err(|error| {
            let problem = format!("no client for {bucket}: {error}");
            RemoteError::permanent(io::ErrorKind::InvalidInput, problem)
        })?;
        buckets.insert(bucket.to_owned(), store.clone());
        Ok(store)
    }
}

/// The object behind a web server's URL, which messages call `name`, by a client.
///
/// # Errors
/// If the URL can't be used.
pub(crate) fn web_object(url: &str, name: &str, client: HttpClient) -> Result<Object, RemoteError> {
    let store = HttpBuilder::new()
        .with_url(url)
        .with_http_connector(Shared(client))
        .with_retry(no_retries())
        .build()
        .map_err(|error| RemoteError::permanent(io::ErrorKind::InvalidInput, error.to_string()))?;
    // The whole URL is the store's, so that it is sent as the user wrote it.
    Ok(Object { store: Arc::new(store), path: Path::default(), url: name.to_owned(), login: false })
}

/// What a URL's user and password are as a header; the library has them decoded.
fn login(url: &str) -> Result<Option<HeaderValue>, RemoteError> {
    static READER: OnceLock<reqwest::Client> = OnceLock::new();
    if without_login(url) == url {
        return Ok(None);
    }
    let wrong = || {
        let problem = "the user or the password in the URL can't be sent";
        RemoteError::permanent(io::ErrorKind::InvalidInput, problem)
    };
    let reader = match READER.get() {
        Some(reader) => reader,
        None => {
            let reader = reqwest::Client::builder().build().map_err(|_| wrong())?;
            READER.get_or_init(|| reader)
        }
    };
    let request = reader.get(url).build().map_err(|_| wrong())?;
    match request.headers().get("authorization") {
        Some(login) => Ok(Some(login.clone())),
        None => Err(wrong()),
    }
}

/// Hands every store the same web client: one store a URL, one pool of connections.
#[derive(Debug)]
struct Shared(HttpClient);

impl HttpConnector for Shared {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}
