//! One range of one object, whatever it takes; and what an object is.

use std::ops::Range;

use futures::StreamExt;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use crate::objects::Object;
use crate::objects::{RemoteError, changed};
use crate::shards::identity::ShardIdentity;
use crate::shards::retry::Retry;

/// What the server says the object is. It is asked for the first byte, not for the head alone: signed
/// URLs allow nothing else, and a server that can't answer that can't be read from either.
pub(super) async fn identity(object: &Object, retry: Retry) -> Result<ShardIdentity, RemoteError> {
    let mut failures = 0;
    loop {
        let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
        let error = match object.store.get_opts(&object.path, options).await {
            Ok(answer) => return Ok(identity_of(&answer.meta)),
            Err(error) => RemoteError::of_store(&error, object),
        };
        failures += 1;
        pause(&retry, failures, error).await?;
    }
}

/// The bytes in `range` of the object that `known` describes.
pub(super) async fn range(
    object: &Object,
    range: Range<u64>,
    known: &ShardIdentity,
    retry: Retry,
) -> Result<Vec<u8>, RemoteError> {
    let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(wanted);
    let mut failures = 0;
    while bytes.len() < wanted {
        let before = bytes.len();
        let rest = range.start + before as u64..range.end;
        let error = match try_range(object, rest, known, &mut bytes).await {
            Ok(()) if bytes.len() >= wanted => break,
            Ok(()) => RemoteError::transient("the server sent less than it had announced"),
            Err(error) => error,
        };
        // A connection that gets somewhere is worth going on with, however often it breaks.
        failures = if bytes.len() > before { 1 } else { failures + 1 };
        pause(&retry, failures, error).await?;
    }
    bytes.truncate(wanted);
    Ok(bytes)
}

/// Appends what one request brings of `range`.
async fn try_range(
    object: &Object,
    range: Range<u64>,
    known: &ShardIdentity,
    bytes: &mut Vec<u8>,
) -> Result<(), RemoteError> {
    // A weak ETag matches nothing in this header; the answer's own is compared in any case.
    let tag = known.version.clone().filter(|version| version.starts_with('"'));
    let options = GetOptions {
        range: Some(GetRange::Bounded(range)),
        if_match: tag,
        ..GetOptions::default()
    };
    let failed = |error: object_store::Error| RemoteError::of_store(&error, object);
    let answer = object.store.get_opts(&object.path, options).await.map_err(failed)?;
    if identity_of(&answer.meta) != *known {
        return Err(changed());
    }
    let mut body = answer.into_stream();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(failed)?);
    }
    Ok(())
}

/// Waits before the next try, or gives up with `error`.
pub(super) async fn pause(
    retry: &Retry,
    failures: usize,
    error: RemoteError,
) -> Result<(), RemoteError> {
    match retry.wait(failures).filter(|_| !error.permanent) {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        None if error.permanent => Err(error),
        None => Err(RemoteError {
            message: format!("{} (failed {failures} times)", error.message),
            ..error
        }),
    }
}

fn identity_of(meta: &ObjectMeta) -> ShardIdentity {
    // The library's word for "the server did not say".
    let unknown = meta.last_modified.timestamp() == 0;
    let modified = (!unknown).then(|| meta.last_modified.to_rfc3339());
    ShardIdentity { bytes: Some(meta.size), version: meta.e_tag.clone().or(modified) }
}
