//! In place of `remote`, where the program is built without that feature: URLs are refused.

use std::io;

use super::error::ShardError;
use super::identity::ShardIdentity;
use super::retry::Retry;

const WITHOUT: &str = "this program was built without the feature `remote`: copy or mount the \
                       data, or build it with default features";

pub(super) fn identities(urls: &[String], _: Retry) -> Result<Vec<ShardIdentity>, ShardError> {
    match urls.first() {
        Some(url) => Err(refused(url)),
        None => Ok(Vec::new()),
    }
}

pub(super) fn list(
    pattern: &str,
    _: Retry,
    _: &mut Vec<String>,
) -> Result<Vec<String>, ShardError> {
    Err(refused(pattern))
}

pub(super) fn open(_: &str, _: u64, _: &ShardIdentity, _: Retry) -> io::Result<io::Empty> {
    Err(io::Error::new(io::ErrorKind::Unsupported, WITHOUT))
}

pub(super) fn open_range(
    _: &str,
    _: std::ops::Range<u64>,
    _: &ShardIdentity,
    _: Retry,
) -> io::Result<io::Empty> {
    Err(io::Error::new(io::ErrorKind::Unsupported, WITHOUT))
}

fn refused(url: &str) -> ShardError {
    let (url, problem) = (crate::objects::without_secrets(url), WITHOUT.to_owned());
    ShardError::Remote { url, problem, kind: std::io::ErrorKind::Unsupported }
}
