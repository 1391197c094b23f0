//! Shards on web servers, in object stores and on the Hugging Face hub.

use super::{Kind, Search, ShardPlace, ShardSource};
use crate::hub::{HubAddress, HubError, is_hub};
use crate::objects::{asked, is_store, is_url, without_secrets};
use crate::shards::error::ShardError;
use crate::shards::identity::ShardIdentity;
use crate::shards::remote;
use crate::shards::retry::Retry;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

/// URLs; in an object store and on the hub, globs and folders too.
pub(super) const KIND: Kind =
    Kind { written: "an http://, https://, s3://, gs://, az:// or hf:// URL", expand };

/// The object behind a URL.
pub(super) struct Object<'u>(pub(super) &'u str);

impl ShardSource for Object<'_> {
    fn name(&self, _: &Path) -> String {
        without_secrets(self.0)
    }

    fn identity(&self, retry: Retry) -> Result<ShardIdentity, ShardError> {
        let found = remote::identities(&[self.0.to_owned()], retry)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    fn canonical(&self) -> Result<Option<ShardPlace>, ShardError> {
        // The hub has several names for a place: with the kind of a model or the usual revision, or without.
        let on_hub = HubAddress::parse(self.0).ok().filter(|_| is_hub(self.0));
        Ok(Some(ShardPlace::Url(
            on_hub.map_or_else(|| asked(self.0), |address| address.to_string()),
        )))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(
        &self,
        offset: u64,
        known: &ShardIdentity,
        retry: Retry,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(remote::open(self.0, offset, known, retry)?))
    }

    fn open_range(
        &self,
        range: Range<u64>,
        known: &ShardIdentity,
        retry: Retry,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(remote::open_range(self.0, range, known, retry)?))
    }
}

/// Whether a name is that of a whole repository on the hub.
fn is_repository(name: &str) -> Result<bool, ShardError> {
    if !is_hub(name) {
        return Ok(false);
    }
    let bad = |error: HubError| ShardError::BadPattern {
        pattern: name.to_owned(),
        problem: error.message,
    };
    Ok(HubAddress::parse(name).map_err(bad)?.path.is_empty())
}

fn expand(search: &mut Search<'_>, name: &str) -> Option<Result<Vec<ShardPlace>, ShardError>> {
    (is_url(name) || is_hub(name)).then(|| {
        let many = name.ends_with('/') || name.contains(['*', '?', '[']) || is_repository(name)?;
        let urls = match many && (is_store(name) || is_hub(name)) {
            true => remote::list(name, search.retry, search.warnings)?,
            false => vec![name.to_owned()],
        };
        Ok(urls.into_iter().map(ShardPlace::Url).collect())
    })
}
