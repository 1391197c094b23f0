//! Shards on web servers and in object stores.

use super::{Kind, Search, ShardPlace, ShardSource};
use crate::objects::{asked, is_store, is_url, without_secrets};
use crate::shards::error::ShardError;
use crate::shards::identity::ShardIdentity;
use crate::shards::remote;
use crate::shards::retry::Retry;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

/// URLs; in an object store, globs and folders too.
pub(super) const KIND: Kind =
    Kind { written: "an http://, https://, s3://, gs:// or az:// URL", expand };

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
        Ok(Some(ShardPlace::Url(asked(self.0))))
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

fn expand(search: &mut Search<'_>, name: &str) -> Option<Result<Vec<ShardPlace>, ShardError>> {
    is_url(name).then(|| {
        let many = name.ends_with('/') || name.contains(['*', '?', '[']);
        let urls = match many && is_store(name) {
            true => remote::list(name, search.retry, search.warnings)?,
            false => vec![name.to_owned()],
        };
        Ok(urls.into_iter().map(ShardPlace::Url).collect())
    })
}
