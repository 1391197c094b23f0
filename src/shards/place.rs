//! Where a shard is: a file, an object on a server, a command's output, standard input.

use std::fmt;
use std::path::{Path, PathBuf};

/// Schemes of object stores, which can list what they hold.
pub(super) const STORES: [&str; 3] = ["s3://", "gs://", "az://"];
/// Schemes of web servers, which can't.
const SERVERS: [&str; 2] = ["http://", "https://"];

/// Where a shard is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShardPlace {
    /// A file.
    File(PathBuf),
    /// An object behind `http://`, `https://`, `s3://`, `gs://` or `az://`.
    Url(String),
    /// What a command writes to its standard output.
    Pipe {
        /// The command, for `sh -c`.
        command: String,
        /// Where it runs.
        folder: PathBuf,
    },
    /// Standard input, which can be read once.
    Stdin,
}

impl ShardPlace {
    /// What tables and messages call it: a file's path below `base`, so that results are the same
    /// wherever that folder stands; a URL without user and query, which hold secrets and pass; a
    /// pipe as it was written.
    pub fn name(&self, base: &Path) -> String {
        match self {
            Self::File(path) => {
                path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
            }
            Self::Url(url) => without_secrets(url),
            Self::Pipe { command, .. } => format!("pipe:{command}"),
            Self::Stdin => "-".to_owned(),
        }
    }
}

impl fmt::Display for ShardPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name(Path::new("")))
    }
}

/// Whether a pattern is the URL of something that this program can read.
pub(super) fn is_url(pattern: &str) -> bool {
    STORES.iter().chain(&SERVERS).any(|scheme| pattern.starts_with(scheme))
}

/// A URL less its user, password, query and fragment; anything else as it is.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // In a store's keys `?` and `#` are characters like any other.
    let rest = match SERVERS.iter().any(|server| url.starts_with(server)) {
        true => rest.split(['?', '#']).next().unwrap_or(rest),
        false => rest,
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
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
