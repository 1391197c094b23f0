//! Shards on web servers and in object stores.
//!
//! A shard is read in ranges, a few of them ahead of the reader; what fails is asked for again from
//! the byte at which it broke, and an object that changes in between is noticed by its ETag.
//! Requests run on a thread of their own, so that callers may block.

mod fetch;
mod list;
mod read;

use std::io;
use std::ops::Range;

use futures::StreamExt;

use crate::hub::{self, is_hub, known_files};
use crate::objects::{Network, Object, RemoteError, without_secrets};

use super::error::ShardError;
use super::identity::ShardIdentity;
use super::retry::Retry;
pub(super) use list::list;
pub(super) use read::RemoteReader;

/// Servers are asked about this many shards at once.
const QUESTIONS_AT_ONCE: usize = 16;

/// The object behind a URL, or behind an address on the hub.
///
/// # Errors
/// If it, or the settings of its client, can't be used.
fn object(network: &Network, url: &str) -> Result<Object, RemoteError> {
    if is_hub(url) { hub::object(url) } else { network.object(url) }
}

/// What is known of the objects behind `urls`, in their order.
///
/// # Errors
/// [`ShardError::Remote`] for the first that can't be asked about.
pub(super) fn identities(urls: &[String], retry: Retry) -> Result<Vec<ShardIdentity>, ShardError> {
    let (of_hub, others): (Vec<String>, Vec<String>) =
        urls.iter().cloned().partition(|url| is_hub(url));
    let mut of_hub = hub_identities(&of_hub)?.into_iter();
    let mut others = server_identities(&others, retry)?.into_iter();
    let next = |url: &String| if is_hub(url) { of_hub.next() } else { others.next() };
    Ok(urls.iter().filter_map(next).collect())
}

/// Of files on the hub, the digest is their identity: an address that the hub sends on to changes from hour to hour.
fn hub_identities(urls: &[String]) -> Result<Vec<ShardIdentity>, ShardError> {
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let identity = |(answer, url): (Result<hub::KnownFile, RemoteError>, &String)| {
        let file = answer.map_err(|error| refused(url, &error))?;
        let version = Some(format!("\"{}\"", file.etag));
        Ok(ShardIdentity { bytes: Some(file.bytes), version })
    };
    known_files(urls).into_iter().zip(urls).map(identity).collect()
}

fn server_identities(urls: &[String], retry: Retry) -> Result<Vec<ShardIdentity>, ShardError> {
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let network = Network::get().map_err(|error| refused(&urls[0], &error))?;
    let shared = network.clone();
    let asked = urls.to_vec();
    let answers = network.wait(async move {
        let ask = |url: String| {
            let network = shared.clone();
            async move {
                let object = network.object(&url)?;
                fetch::identity(&object, retry).await
            }
        };
        futures::stream::iter(asked).map(ask).buffered(QUESTIONS_AT_ONCE).collect::<Vec<_>>().await
    });
    let answers = answers.map_err(|error| refused(&urls[0], &error))?;
    let named = |(answer, url): (Result<ShardIdentity, RemoteError>, &String)| {
        answer.map_err(|error| refused(url, &error))
    };
    answers.into_iter().zip(urls).map(named).collect()
}

/// The object behind `url` from byte `offset` on, which must be as `known` has it, if that says
/// anything.
///
/// # Errors
/// If it can't be asked about; what fails later comes out of the reader.
pub(super) fn open(
    url: &str,
    offset: u64,
    known: &ShardIdentity,
    retry: Retry,
) -> io::Result<RemoteReader> {
    let network = Network::get()?;
    let object = object(&network, url)?;
    let known = match known.bytes {
        Some(_) => known.clone(),
        None => {
            let asked = object.clone();
            network.wait(async move { fetch::identity(&asked, retry).await })??
        }
    };
    let end = known.bytes.unwrap_or(0);
    Ok(RemoteReader::start(&network, object, offset..end, known, retry))
}

/// The bytes in `range` of the object behind `url`, which must be as `known` has it.
///
/// # Errors
/// As [`open`].
pub(super) fn open_range(
    url: &str,
    range: Range<u64>,
    known: &ShardIdentity,
    retry: Retry,
) -> io::Result<RemoteReader> {
    let network = Network::get()?;
    let object = object(&network, url)?;
    Ok(RemoteReader::start(&network, object, range, known.clone(), retry))
}

fn refused(url: &str, error: &RemoteError) -> ShardError {
    ShardError::Remote { url: without_secrets(url), problem: error.to_string(), kind: error.kind }
}
