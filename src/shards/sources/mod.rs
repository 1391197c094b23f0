//! Where shards are: the kinds of sources, each a file here, and what a source can do.
//!
//! A new kind is a file with a [`Kind`] and a [`ShardSource`], and in this file its module, its variant of [`ShardPlace`] and
//! its entry in [`KINDS`].

mod expand;
mod images;
mod local;
mod object;
mod pipe;
mod stdin;

pub use expand::{expand_sources, expand_sources_with_warnings};
pub use images::ImageFiles;

use super::error::ShardError;
use super::identity::ShardIdentity;
use super::retry::Retry;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The kinds of sources, in the order in which a pattern is offered to them. The last takes what no other does.
const KINDS: [&Kind; 4] = [&stdin::KIND, &pipe::KIND, &object::KIND, &local::KIND];

/// The shards that a pattern stands for.
type Expanded = Result<Vec<ShardPlace>, ShardError>;

/// A kind of source: which patterns it takes, and the shards that they stand for.
struct Kind {
    /// How its patterns are written, for messages.
    written: &'static str,
    /// The shards of a name whose braces are expanded; `None` for a name of another kind.
    expand: fn(&mut Search<'_>, &str) -> Option<Expanded>,
}

/// What patterns are expanded with.
struct Search<'w> {
    /// The folder at which relative paths start.
    base: PathBuf,
    retry: Retry,
    /// The pattern under way, as the user wrote it.
    pattern: String,
    /// Sentences about files that were found and are not read.
    warnings: &'w mut Vec<String>,
}

/// Where a shard is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShardPlace {
    /// A file.
    File(PathBuf),
    /// An object behind `http://`, `https://`, `s3://`, `gs://`, `az://` or `hf://`.
    Url(String),
    /// What a command writes to its standard output.
    Pipe {
        /// The command, for `sh -c`.
        command: String,
        /// Where it runs.
        folder: PathBuf,
    },
    /// A folder of images of one class, or a piece of one.
    Images(ImageFiles),
    /// Standard input, which can be read once.
    Stdin,
}

/// What can be done with a place.
pub(super) trait ShardSource {
    /// What tables and messages call it; a path starts at `base`.
    fn name(&self, base: &Path) -> String;

    /// What is known of it without reading it.
    ///
    /// # Errors
    /// If it can't be asked about.
    fn identity(&self, _retry: Retry) -> Result<ShardIdentity, ShardError> {
        Ok(ShardIdentity::default())
    }

    /// The place under its one true name, by which two patterns that reach the same shard are told; `None` for a place
    /// that has no other name.
    ///
    /// # Errors
    /// If it can't be looked at.
    fn canonical(&self) -> Result<Option<ShardPlace>, ShardError> {
        Ok(None)
    }

    /// Whether reading can begin anywhere.
    fn is_seekable(&self) -> bool;

    /// Its bytes from `offset` on, as they are stored. A source that is not seekable gets 0 alone.
    ///
    /// # Errors
    /// If it can't be opened, or is not what `known` says.
    fn open(
        &self,
        offset: u64,
        known: &ShardIdentity,
        retry: Retry,
    ) -> io::Result<Box<dyn Read + Send>>;

    /// The bytes in `range` of a source that is seekable, whose length is known.
    ///
    /// # Errors
    /// As [`ShardSource::open`].
    fn open_range(
        &self,
        range: Range<u64>,
        known: &ShardIdentity,
        retry: Retry,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.open(range.start, known, retry)?.take(range.end - range.start)))
    }
}

impl ShardPlace {
    pub(super) fn source(&self) -> Box<dyn ShardSource + '_> {
        match self {
            Self::File(path) => Box::new(local::File(path)),
            Self::Url(url) => Box::new(object::Object(url)),
            Self::Pipe { command, folder } => Box::new(pipe::Pipe { command, folder }),
            Self::Images(images) => Box::new(images.clone()),
            Self::Stdin => Box::new(stdin::Stdin),
        }
    }

    /// The place under its one true name, as far as that can be told.
    pub(crate) fn canonical(&self) -> Self {
        self.source().canonical().ok().flatten().unwrap_or_else(|| self.clone())
    }

    /// What tables and messages call it: a file's path below `base`, so that results are the same
    /// wherever that folder stands; a URL without user and query, which hold secrets and pass; a
    /// pipe as it was written.
    pub fn name(&self, base: &Path) -> String {
        self.source().name(base)
    }
}

impl fmt::Display for ShardPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name(Path::new("")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_secrets_and_no_base() {
        let url = |text: &str| ShardPlace::Url(text.to_owned()).name(Path::new("/data"));
        assert_eq!(url("https://me:pw@host:81/a/b.tar?sig=x#y"), "https://host:81/a/b.tar");
        assert_eq!(url("s3://bucket/a?b@c.tar"), "s3://bucket/a?b@c.tar");
        assert_eq!(url("https://host"), "https://host");
        let file = ShardPlace::File("/data/a/b.tar".into());
        assert_eq!(file.name(Path::new("/data")), "a/b.tar");
        assert_eq!(file.to_string(), "/data/a/b.tar");
    }
}
