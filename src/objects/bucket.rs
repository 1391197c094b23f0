//! A folder of an object store, whose objects come and go whole.

use super::client::{Network, Object};
use super::error::RemoteError;
use super::urls::{split, without_secrets};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart,
};
use std::future::Future;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Tries of a request that failed for a passing reason; the waits double from [`FIRST_WAIT`].
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Requests of one call under way at once.
const AT_ONCE: usize = 16;
/// A longer file is sent in pieces of this length, and appears when the last has come.
const PIECE: usize = 16 << 20;

/// What a failure of the disk on this side is marked by.
const DISK: &str = "disk";

/// A folder of an object store. Calls block; names are below the folder, with `/`.
#[derive(Debug)]
pub(crate) struct Bucket {
    network: Arc<Network>,
    store: Arc<dyn ObjectStore>,
    folder: Key,
    url: String,
}

impl Bucket {
    /// The folder that `url` names; nothing is asked of the server yet.
    ///
    /// # Errors
    /// If the URL or the settings of its client can't be used.
    pub(crate) fn open(url: &str) -> io::Result<Self> {
        let network = Network::get()?;
        let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
        let (bucket, folder) = split(url).ok_or_else(|| wrong("it names no bucket".into()))?;
        let folder = Key::parse(folder.trim_end_matches('/')).map_err(|e| wrong(e.to_string()))?;
        let store = network.bucket(bucket)?;
        Ok(Self { network, store, folder, url: url.trim_end_matches('/').to_owned() })
    }

    /// The folder's URL, for people.
    pub(crate) fn url(&self) -> String {
        without_secrets(&self.url)
    }

    fn key(&self, name: &str) -> Key {
        // By parts, so that a `%` of ours stays one.
        let parts = self.folder.parts().map(|part| part.as_ref().to_owned());
        let names = name.split('/').map(str::to_owned);
        let key: Vec<String> = parts.chain(names.filter(|part| !part.is_empty())).collect();
        Key::parse(key.join("/")).unwrap_or_else(|_| key.iter().map(String::as_str).collect())
    }

    /// Does `work`, again where it fails for a passing reason.
    fn ask<T, F>(
        &self,
        name: &str,
        work: impl Fn(Arc<dyn ObjectStore>, Key) -> F + Send + 'static,
    ) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send,
    {
        let (store, key) = (self.store.clone(), self.key(name));
        let object = Object { store: store.clone(), path: key.clone(), url: self.url.clone() };
        let answer = self.network.wait(async move {
            for failures in 1.. {
                let error = match work(store.clone(), key.clone()).await {
                    Ok(done) => return Ok(done),
                    Err(Error::Generic { store: DISK, source }) => {
                        let kind = source.downcast_ref::<io::Error>().map(io::Error::kind);
                        let kind = kind.unwrap_or(io::ErrorKind::Other);
                        return Err(RemoteError::lasting(kind, source.to_string()));
                    }
                    Err(error) => RemoteError::of_store(&error, &object),
                };
                if error.lasting || failures >= TRIES {
                    return Err(error);
                }
                tokio::time::sleep(FIRST_WAIT * 2u32.pow(failures - 1)).await;
            }
            Err(RemoteError::passing("no answer"))
        });
        Ok(answer??)
    }

    /// An object's content; `None` where there is none.
    ///
    /// # Errors
    /// If the server can't be asked, as with all that follow.
    pub(crate) fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.ask(name, async |store, key| match store.get(&key).await {
            Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// The contents of many small objects, in order.
    pub(crate) fn get_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<Key> = names.iter().map(|name| self.key(name)).collect();
        self.ask("", move |store, _| {
            let keys = keys.clone();
            async move {
                let get = |key: Key| {
                    let store = store.clone();
                    async move {
                        match store.get(&key).await {
                            Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
                            Err(Error::NotFound { .. }) => Ok(None),
                            Err(error) => Err(error),
                        }
                    }
                };
                futures::stream::iter(keys).map(get).buffered(AT_ONCE).try_collect().await
            }
        })
    }

    /// Writes an object, in place of one that may be there.
    pub(crate) fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let payload = PutPayload::from(content.to_vec());
        self.ask(name, move |store, key| {
            let payload = payload.clone();
            async move { store.put(&key, payload).await.map(drop) }
        })
    }

    /// Writes an object where there is none; `false` where there is one. One of several that try at once succeeds.
    pub(crate) fn put_new(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let payload = PutPayload::from(content.to_vec());
        let own = content.to_vec();
        self.ask(name, move |store, key| {
            let (payload, own) = (payload.clone(), own.clone());
            async move {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                match store.put_opts(&key, payload.clone(), options).await {
                    Ok(_) => Ok(true),
                    // Ours, where an earlier answer got lost on the way.
                    Err(Error::AlreadyExists { .. }) => match store.get(&key).await {
                        Ok(found) => Ok(found.bytes().await? == own),
                        // Gone since.
                        Err(Error::NotFound { .. }) => Ok(false),
                        Err(error) => Err(error),
                    },
                    // A server without conditions: two may succeed at once, which costs them time.
                    Err(Error::NotImplemented { .. }) => match store.head(&key).await {
                        Ok(_) => Ok(false),
                        Err(Error::NotFound { .. }) => store.put(&key, payload).await.map(|_| true),
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// Removes an object; one that is not there is as good.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        self.ask(name, async |store, key| match store.delete(&key).await {
            Err(Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        })
    }

    /// Names and lengths of the objects in `folder`, with `deep` of those in its folders too.
    pub(crate) fn list(&self, folder: &str, deep: bool) -> io::Result<Vec<(String, u64)>> {
        let own = self.folder.clone();
        self.ask(folder, move |store, key| {
            let own = own.clone();
            async move {
                let found: Vec<_> = match deep {
                    true => store.list(Some(&key)).try_collect().await?,
                    false => store.list_with_delimiter(Some(&key)).await?.objects,
                };
                let name = |at: &Key| {
                    let parts = at.prefix_match(&own)?;
                    Some(parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
                };
                Ok(found
                    .iter()
                    .filter_map(|meta| Some((name(&meta.location)?, meta.size)))
                    .collect())
            }
        })
    }

    /// An object's length; `None` where there is none.
    pub(crate) fn length(&self, name: &str) -> io::Result<Option<u64>> {
        self.ask(name, async |store, key| match store.head(&key).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Writes files as objects of the same names.
    pub(crate) fn upload(&self, files: &[(String, PathBuf)]) -> io::Result<()> {
        let files: Vec<(Key, PathBuf)> =
            files.iter().map(|(name, path)| (self.key(name), path.clone())).collect();
        self.ask("", move |store, _| {
            let files = files.clone();
            async move {
                let send = |(key, path): (Key, PathBuf)| {
                    let store = store.clone();
                    async move { send(&store, &key, &path).await }
                };
                futures::stream::iter(files).map(send).buffer_unordered(AT_ONCE).try_collect().await
            }
        })
    }

    /// Writes an object as a file; `false` where there is none.
    pub(crate) fn download(&self, name: &str, path: &Path) -> io::Result<bool> {
        let path = path.to_owned();
        self.ask(name, move |store, key| {
            let path = path.clone();
            async move {
                let found = match store.get(&key).await {
                    Err(Error::NotFound { .. }) => return Ok(false),
                    found => found?,
                };
                let mut file = std::fs::File::create(&path).map_err(local)?;
                let mut pieces = found.into_stream();
                while let Some(piece) = pieces.try_next().await? {
                    file.write_all(&piece).map_err(local)?;
                }
                Ok(true)
            }
        })
    }
}

/// Sends a file: whole, or, if it is long, in pieces that the server puts together at the end.
async fn send(store: &Arc<dyn ObjectStore>, key: &Key, path: &Path) -> object_store::Result<()> {
    let mut file = std::fs::File::open(path).map_err(local)?;
    let mut first = Vec::new();
    (&mut file).take(PIECE as u64).read_to_end(&mut first).map_err(local)?;
    if first.len() < PIECE {
        return store.put(key, PutPayload::from(first)).await.map(drop);
    }
    let mut writing = WriteMultipart::new(store.put_multipart(key).await?);
    let mut piece = first;
    while !piece.is_empty() {
        writing.wait_for_capacity(2).await?;
        writing.put(piece.into());
        piece = Vec::new();
        (&mut file).take(PIECE as u64).read_to_end(&mut piece).map_err(local)?;
    }
    writing.finish().await.map(drop)
}

/// A failure of the disk on this side, which asking again does not mend.
fn local(error: io::Error) -> object_store::Error {
    Error::Generic { store: DISK, source: Box::new(error) }
}
