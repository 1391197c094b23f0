//! A shard on standard input.

use super::{Kind, ShardPlace, ShardSource};
use crate::shards::identity::ShardIdentity;
use crate::shards::retry::Retry;
use std::io::{self, Read};
use std::path::Path;

/// `-`.
pub(super) const KIND: Kind =
    Kind { written: "`-`", expand: |_, name| (name == "-").then(|| Ok(vec![ShardPlace::Stdin])) };

/// Standard input.
pub(super) struct Stdin;

impl ShardSource for Stdin {
    fn name(&self, _: &Path) -> String {
        "-".to_owned()
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn open(&self, _: u64, _: &ShardIdentity, _: Retry) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::stdin()))
    }
}
