//! Names of shards: `train-{:06}.tar`.

use super::error::PackError;
use std::path::{Path, PathBuf};

/// Where shards go: a path with `{}` or `{:0N}` in its last part, for the shard's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardPattern {
    folder: PathBuf,
    before: String,
    width: usize,
    after: String,
}

impl ShardPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PackError::Pattern`] without exactly one number, or where the name doesn't end in `.tar`.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        let bad = |problem: &str| PackError::Pattern {
            pattern: text.to_owned(),
            problem: problem.to_owned(),
        };
        let (folder, name) = match text.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => (".", text),
        };
        let number = || bad("write the shard's number once, as {:06}, in the file's name");
        let (before, rest) = name.split_once('{').ok_or_else(number)?;
        let (inside, after) = rest.split_once('}').ok_or_else(number)?;
        let width = match inside.strip_prefix(":0") {
            Some(width) => width.parse().ok().filter(|&width| width < 20).ok_or_else(number)?,
            None if inside.is_empty() => 0,
            None => return Err(number()),
        };
        if folder.contains('{') || after.contains(['{', '}']) || before.contains('}') {
            return Err(number());
        }
        if !after.ends_with(".tar") {
            return Err(bad("shards are plain tar files: let the name end in .tar"));
        }
        let (before, after) = (before.to_owned(), after.to_owned());
        Ok(Self { folder: folder.into(), before, width, after })
    }

    /// The shard of this number.
    pub fn path(&self, number: usize) -> PathBuf {
        let width = self.width;
        self.folder.join(format!("{}{number:0width$}{}", self.before, self.after))
    }

    /// A file about all of them: `train-` and `.classes.txt` give `train.classes.txt`.
    pub fn beside(&self, ending: &str) -> PathBuf {
        let stem = self.before.trim_end_matches(['-', '_', '.']);
        self.folder.join(format!("{}{ending}", if stem.is_empty() { "shards" } else { stem }))
    }

    /// The folder that the shards lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded_as_written() {
        let pattern = ShardPattern::parse("out/train-{:06}.tar").unwrap();
        assert_eq!(pattern.path(12), Path::new("out/train-000012.tar"));
        assert_eq!(pattern.beside(".pack.json"), Path::new("out/train.pack.json"));
        let pattern = ShardPattern::parse("{}.tar").unwrap();
        assert_eq!(pattern.path(12), Path::new("./12.tar"));
        assert_eq!(pattern.beside(".pack.json"), Path::new("./shards.pack.json"));
        assert_eq!(ShardPattern::parse("/a{:01}.tar").unwrap().path(3), Path::new("/a3.tar"));
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        for text in [
            "a.tar",
            "a-{:06}.tar.gz",
            "a-{:6}.tar",
            "{}-{}.tar",
            "{}/a.tar",
            "a-{.tar",
            "{:099}.tar",
        ] {
            let error = ShardPattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
