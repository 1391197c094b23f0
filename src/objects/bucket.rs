//! A folder of an object store, whose objects come and go whole.

use super::client::Network;
use super::error::{RemoteError, changed};
use super::retrying_client::RetryingClient;
use super::store_error::is_not_implemented;
use super::stores::Store;
use super::transfer;
use super::transfer::Failure;
use super::transfer_error::TransferError;
use super::urls::{split, without_secrets};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Objects of one call that are asked for at once.
const AT_ONCE: usize = 16;

/// A folder of an object store. Calls block; names are below the folder, with `/`. What fails for a transient reason is
/// tried again (see `backoff`), each object by itself.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    network: Arc<Network>,
    client: RetryingClient,
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
        let client = RetryingClient::new(network.bucket(bucket)?, url);
        Ok(Self { network, client, folder, url: url.trim_end_matches('/').to_owned() })
    }

    /// The same bucket with little patience, for what need not succeed.
    pub(crate) fn best_effort(&self) -> Self {
        let (network, client) = (self.network.clone(), self.client.best_effort());
        Self { network, client, folder: self.folder.clone(), url: self.url.clone() }
    }

    /// The root of `store`, which `url` names.
    #[cfg(test)]
    pub(crate) fn over(store: Arc<dyn Store>, url: &str) -> Self {
        let network = Network::get().unwrap();
        let client = RetryingClient::new(store, url);
        Self { network, client, folder: Key::default(), url: url.to_owned() }
    }

    /// The folder's URL, for people.
    pub(crate) fn url(&self) -> String {
        without_secrets(&self.url)
    }

    /// Bytes of objects that were downloaded through this value and its clones.
    pub(crate) fn downloaded_bytes(&self) -> u64 {
        self.client.downloaded()
    }

    fn key(&self, name: &str) -> Key {
        // By parts, so that a `%` of ours stays one.
        let parts = self.folder.parts().map(|part| part.as_ref().to_owned());
        let names = name.split('/').map(str::to_owned);
        let key: Vec<String> = parts.chain(names.filter(|part| !part.is_empty())).collect();
        Key::parse(key.join("/")).unwrap_or_else(|_| key.iter().map(String::as_str).collect())
    }

    /// What `work` brings of one object.
    fn request<T, F>(
        &self,
        name: &str,
        work: impl Fn(Arc<dyn Store>, Key) -> F + Send + 'static,
    ) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send,
    {
        let (client, key) = (self.client.clone(), self.key(name));
        Ok(self.network.wait(async move { client.request(key, work).await })??)
    }

    /// An object's content; `None` where there is none.
    ///
    /// # Errors
    /// If the server can't be asked, as with all that follow.
    pub(crate) fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let content = self.request(name, content)?;
        self.client.count(content.as_ref().map_or(0, |content| content.len() as u64));
        Ok(content)
    }

    /// The contents of many small objects, in order.
    pub(crate) fn get_all(&self, names: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<Key> = names.iter().map(|name| self.key(name)).collect();
        let client = self.client.clone();
        let answers = self.network.wait(async move {
            let get = |key: Key| {
                let client = client.clone();
                async move { client.request(key, content).await }
            };
            let answers = futures::stream::iter(keys).map(get).buffered(AT_ONCE);
            answers.try_collect::<Vec<Option<Vec<u8>>>>().await
        });
        let contents = answers??;
        let bytes = contents.iter().flatten().map(|content| content.len() as u64).sum();
        self.client.count(bytes);
        Ok(contents)
    }

    /// Writes an object, in place of one that may be there.
    pub(crate) fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let payload = PutPayload::from(content.to_vec());
        self.request(name, move |store, key| {
            let payload = payload.clone();
            async move { store.put(&key, payload).await.map(drop) }
        })
    }

    /// Writes an object where there is none; `false` where there is one. One of several that try at once succeeds.
    pub(crate) fn put_new(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let payload = PutPayload::from(content.to_vec());
        let own = content.to_vec();
        self.request(name, move |store, key| {
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
        self.request(name, async |store, key| match store.delete(&key).await {
            Err(Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        })
    }

    /// Names and lengths of the objects in `folder`, with `deep` of those in its folders too.
    pub(crate) fn list(&self, folder: &str, deep: bool) -> io::Result<Vec<(String, u64)>> {
        let own = self.folder.clone();
        self.request(folder, move |store, key| {
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
        self.request(name, async |store, key| match store.head(&key).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Ranges of an object, in order, and which state of the object they are of. All must be of one: where `known` says
    /// which, of that. The object must have `length` bytes.
    pub(crate) fn get_ranges(
        &self,
        name: &str,
        ranges: &[Range<u64>],
        length: u64,
        known: Option<String>,
    ) -> io::Result<(Vec<Bytes>, Option<String>)> {
        let (client, key, ranges) = (self.client.clone(), self.key(name), ranges.to_vec());
        let parts = self.network.wait(async move {
            let get = |range: Range<u64>| {
                let (client, key) = (client.clone(), key.clone());
                async move {
                    client.request(key, move |store, key| part(store, key, range.clone())).await
                }
            };
            let parts = futures::stream::iter(ranges).map(get).buffered(AT_ONCE);
            parts.try_collect::<Vec<(Bytes, u64, Option<String>)>>().await
        });
        let (mut contents, mut state) = (Vec::new(), known);
        for (content, size, tag) in parts?? {
            if size != length || (state.is_some() && state != tag) {
                return Err(changed().into());
            }
            self.client.count(content.len() as u64);
            contents.push(content);
            state = tag;
        }
        Ok((contents, state))
    }

    /// Writes files as objects of the same names.
    pub(crate) fn upload(&self, files: &[(String, PathBuf)]) -> Result<(), TransferError> {
        let files: Vec<(String, Key, PathBuf)> =
            files.iter().map(|(name, path)| (name.clone(), self.key(name), path.clone())).collect();
        let client = self.client.clone();
        let sent = self.network.wait(async move {
            let send = |(name, key, path): (String, Key, PathBuf)| {
                let sent = transfer::send(client.clone(), key, path);
                async move { sent.await.map_err(|failure| failure.of(name)) }
            };
            let sent = futures::stream::iter(files).map(send).buffer_unordered(AT_ONCE);
            sent.try_collect::<()>().await
        });
        sent.map_err(|died: RemoteError| Failure::from(died).of(String::new()))?
    }

    /// Writes an object as a file; `false` where there is none. What a failure leaves of the file is the caller's.
    pub(crate) fn download(&self, name: &str, path: &Path) -> Result<bool, TransferError> {
        let (client, key, path) = (self.client.clone(), self.key(name), path.to_owned());
        let came = self.network.wait(async move { transfer::download(client, key, path).await });
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

/// A range of an object, the whole object's length and its ETag.
async fn part(
    store: Arc<dyn Store>,
    key: Key,
    range: Range<u64>,
) -> object_store::Result<(Bytes, u64, Option<String>)> {
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    let found = store.get_opts(&key, options).await?;
    let (size, tag) = (found.meta.size, found.meta.e_tag.clone());
    Ok((found.bytes().await?, size, tag))
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
