//! Files to a bucket and from it, however long they are and however often the way breaks.

use super::backoff::Failures;
use super::error::{RemoteError, changed};
use super::retrying_client::RetryingClient;
use super::stores::Store;
use super::transfer_error::TransferError;
use futures::{StreamExt, TryStreamExt};
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload,
};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A longer file is sent in pieces of this length, and appears when the last has come.
pub(super) const PIECE: u64 = 8 << 20;
/// Pieces of one file under way at once.
const AT_ONCE: usize = 2;

/// What went wrong, by whose side it was.
#[derive(Debug)]
pub(super) enum Failure {
    /// The disk on this side, which another try does not mend.
    Disk(io::Error),
    Server(RemoteError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        Self::Server(error)
    }
}

impl Failure {
    /// With the name of the object.
    pub(super) fn of(self, name: String) -> TransferError {
        match self {
            Self::Disk(error) => TransferError { name, is_local: true, error },
            Self::Server(error) => TransferError { name, is_local: false, error: error.into() },
        }
    }
}

/// Sends a file: whole, or, if it is long, in pieces that the server puts together at the end.
pub(super) async fn send(client: RetryingClient, key: Key, path: PathBuf) -> Result<(), Failure> {
    let file = File::open(&path)?;
    let bytes = file.metadata()?.len();
    if bytes > PIECE {
        return send_in_pieces(client, key, file, bytes).await;
    }
    let payload = PutPayload::from(super::client::beside(|| piece(&file, 0, bytes))?);
    let put = move |store: Arc<dyn Store>, key: Key| {
        let payload = payload.clone();
        async move { store.put(&key, payload).await.map(drop) }
    };
    client.request(key, put).await.map_err(Failure::from)
}

async fn send_in_pieces(
    client: RetryingClient,
    key: Key,
    file: File,
    bytes: u64,
) -> Result<(), Failure> {
    let begin = |store: Arc<dyn Store>, key: Key| async move { store.create_multipart(&key).await };
    let id = client.request(key.clone(), begin).await?;
    let file = Arc::new(file);
    // Each tried again by itself: what is there of a long file stays there.
    let send = |index: u64| {
        let (client, key, id, file) = (client.clone(), key.clone(), id.clone(), file.clone());
        async move {
            let payload = PutPayload::from(super::client::beside(|| piece(&file, index, bytes))?);
            let put = move |store: Arc<dyn Store>, key: Key| {
                let (id, payload) = (id.clone(), payload.clone());
                async move { store.put_part(&key, &id, index as usize, payload).await }
            };
            client.request(key, put).await.map_err(Failure::from)
        }
    };
    let pieces = futures::stream::iter(0..bytes.div_ceil(PIECE)).map(send).buffered(AT_ONCE);
    let sent = match pieces.try_collect::<Vec<PartId>>().await {
        Ok(parts) => {
            let whose = id.clone();
            let end = move |store: Arc<dyn Store>, key: Key| {
                let (id, parts) = (whose.clone(), parts.clone());
                async move {
                    match store.complete_multipart(&key, &id, parts).await {
                        // Ours, where an earlier answer got lost on the way.
                        Err(gone @ Error::NotFound { .. }) => match store.head(&key).await {
                            Ok(meta) if meta.size == bytes => Ok(()),
                            _ => Err(gone),
                        },
                        done => done.map(drop),
                    }
                }
            };
            client.request(key.clone(), end).await.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    if sent.is_err() {
        // Best effort: pieces that stay cost room, until a rule of the bucket removes them.
        let _ = client.store().abort_multipart(&key, &id).await;
    }
    sent
}

/// A piece of a file of so many bytes.
fn piece(file: &File, index: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let start = index * PIECE;
    let mut content = vec![0; bytes.saturating_sub(start).min(PIECE) as usize];
    file.read_exact_at(&mut content, start)?;
    Ok(content)
}

/// Writes an object as a file; `false` where there is none.
pub(super) async fn download(
    client: RetryingClient,
    key: Key,
    path: PathBuf,
) -> Result<bool, Failure> {
    let (mut download, mut furthest) = (Download::default(), 0);
    let mut failures = Failures::default();
    loop {
        let error = match download.go_on(&client, &key, &path).await {
            Ok(found) => {
                client.answered();
                return Ok(found);
            }
            Err(Failure::Server(error)) => error,
            Err(disk) => return Err(disk),
        };
        // A connection that gets somewhere is worth going on with, however often it breaks.
        if download.at > furthest {
            furthest = download.at;
            failures = Failures::default();
            client.answered();
        }
        client.pause(&mut failures, error).await?;
    }
}

/// A file that is being written from an object.
#[derive(Debug, Default)]
struct Download {
    file: Option<File>,
    /// Bytes that have come.
    at: u64,
    /// Of all of it, as the first answer had them.
    bytes: u64,
    tag: Option<String>,
}

impl Download {
    /// Asks for what is left; whether there is such an object.
    async fn go_on(
        &mut self,
        client: &RetryingClient,
        key: &Key,
        path: &Path,
    ) -> Result<bool, Failure> {
        if self.file.is_some() && self.at == self.bytes {
            return Ok(true);
        }
        let failed = |error: Error| Failure::Server(client.judge(&error));
        let answer = match client.store().get_opts(key, self.left()).await {
            Err(Error::NotFound { .. }) => return Ok(false),
            // Written anew meanwhile.
            Err(Error::Precondition { .. }) => return Err(self.forget()),
            answer => answer.map_err(failed)?,
        };
        let ObjectMeta { size, e_tag, .. } = answer.meta.clone();
        if self.file.is_some() && (size, &e_tag) != (self.bytes, &self.tag) {
            return Err(self.forget());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                (self.bytes, self.tag) = (size, e_tag);
                File::create(path)?
            }
        };
        let file = self.file.insert(file);
        let mut body = answer.into_stream();
        while let Some(piece) = body.try_next().await.map_err(failed)? {
            // A disk may keep its writer waiting: the thread's other requests go on elsewhere.
            super::client::beside(|| file.write_all(&piece))?;
            client.count(piece.len() as u64);
            self.at += piece.len() as u64;
        }
        match self.at == self.bytes {
            true => Ok(true),
            false => {
                Err(RemoteError::transient("the server sent less than it had announced").into())
            }
        }
    }

    fn left(&self) -> GetOptions {
        if self.at == 0 {
            return GetOptions::default();
        }
        // A weak ETag matches nothing in this header; the answer's own is compared in any case.
        let if_match = self.tag.clone().filter(|tag| tag.starts_with('"'));
        let range = Some(GetRange::Bounded(self.at..self.bytes));
        GetOptions { range, if_match, ..GetOptions::default() }
    }

    /// Begins anew with the next request: what has come is of another object.
    fn forget(&mut self) -> Failure {
        *self = Self::default();
        RemoteError { permanent: false, ..changed() }.into()
    }
}
