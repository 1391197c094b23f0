//! Where a shard is: a file, an object on a server, a command's output, standard input.

use crate::objects::without_secrets;
use std::fmt;
use std::path::{Path, PathBuf};

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
