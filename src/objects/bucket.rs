//! A folder of an object store, whose objects come and go whole.

use super::asker::Asker;
use super::client::Network;
use super::error::{RemoteError, is_not_implemented};
use super::stores::Store;
use super::transfer;
use super::transfer::Failure;
use super::transfer_error::TransferError;
use super::urls::{split, without_secrets};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Objects of one call that are asked for at once.
const AT_ONCE: usize = 16;

/// A folder of an object store. Calls block; names are below the folder, with `/`. What fails for a passing reason is
/// tried again (see `patience`), each object by itself.
#[derive(Debug)]
pub(crate) struct Bucket {
    network: Arc<Network>,
    asker: Asker,
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
        let asker = Asker::new(network.bucket(bucket)?, url);
        Ok(Self { network, asker, folder, url: url.trim_end_matches('/').to_owned() })
    }

    /// The same with a short patience, for what need not succeed.
    pub(crate) fn hasty(&self) -> Self {
        let (network, asker) = (self.network.clone(), self.asker.hasty());
        Self { network, asker, folder: self.folder.clone(), url: self.url.clone() }
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

    /// What `work` brings of one object.
    fn ask<T, F>(
        &self,
        name: &str,
        work: impl Fn(Arc<dyn Store>, Key) -> F + Send + 'static,
    ) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send,
    {
        let (asker, key) = (self.asker.clone(), self.key(name));
        Ok(self.network.wait(async move { asker.ask(key, work).await })??)
    }

    /// An object's content; `None` where there is none.
    ///
    /// # Errors
    /// If the server can't be asked, as with all that follow.
    pub(crate) fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.ask(name, content)
    }

    /// The contents of many small objects, in order.
    pub(crate) fn get_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<Key> = names.iter().map(|name| self.key(name)).collect();
        let asker = self.asker.clone();
        let answers = self.network.wait(async move {
            let get = |key: Key| {
                let asker = asker.clone();
                async move { asker.ask(key, content).await }
            };
            let answers = futures::stream::iter(keys).map(get).buffered(AT_ONCE);
            answers.try_collect::<Vec<Option<Vec<u8>>>>().await
        });
        Ok(answers??)
    }

    /// Ranges of an object's bytes, in order; `None` where there is no such object.
    pub(crate) fn get_ranges(
        &self,
        name: &str,
        ranges: &[Range<u64>],
    ) -> io::Result<Option<Vec<Bytes>>> {
        let (asker, key) = (self.asker.clone(), self.key(name));
        let ranges = ranges.to_vec();
        let answers = self.network.wait(async move {
            let get = |range: Range<u64>| {
                let (asker, key) = (asker.clone(), key.clone());
                async move { asker.ask(key, move |store, key| content_of(store, key, range.clone())).await }
            };
            let answers = futures::stream::iter(ranges).map(get).buffered(AT_ONCE);
            answers.try_collect::<Vec<Option<Bytes>>>().await
        });
        Ok(answers??.into_iter().collect())
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
                    Err(error) if is_not_implemented(&error) => match store.head(&key).await {
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
    pub(crate) fn upload(&self, files: &[(String, PathBuf)]) -> Result<(), TransferError> {
        let files: Vec<(String, Key, PathBuf)> =
            files.iter().map(|(name, path)| (name.clone(), self.key(name), path.clone())).collect();
        let asker = self.asker.clone();
        let sent = self.network.wait(async move {
            let send = |(name, key, path): (String, Key, PathBuf)| {
                let sent = transfer::send(asker.clone(), key, path);
                async move { sent.await.map_err(|failure| failure.of(name)) }
            };
            let sent = futures::stream::iter(files).map(send).buffer_unordered(AT_ONCE);
            sent.try_collect::<()>().await
        });
        sent.map_err(|died: RemoteError| Failure::from(died).of(String::new()))?
    }

    /// Writes an object as a file; `false` where there is none. What a failure leaves of the file is the caller's.
    pub(crate) fn download(&self, name: &str, path: &Path) -> Result<bool, TransferError> {
        let (asker, key, path) = (self.asker.clone(), self.key(name), path.to_owned());
        let came = self.network.wait(async move { transfer::download(asker, key, path).await });
        came.map_err(Failure::from).flatten().map_err(|failure| failure.of(name.to_owned()))
    }
}

/// An object's content; `None` where there is none.
async fn content(store: Arc<dyn Store>, key: Key) -> object_store::Result<Option<Vec<u8>>> {
    match store.get(&key).await {
        Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A range of an object's bytes; `None` where there is no such object.
async fn content_of(
    store: Arc<dyn Store>,
    key: Key,
    range: Range<u64>,
) -> object_store::Result<Option<Bytes>> {
    let whole = (range.end - range.start) as usize;
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    let bytes = match store.get_opts(&key, options).await {
        Ok(found) => found.bytes().await?,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if bytes.len() != whole {
        let source = format!("{} bytes came where {whole} were asked for", bytes.len()).into();
        return Err(Error::Generic { store: "object store", source });
    }
    Ok(Some(bytes))
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
