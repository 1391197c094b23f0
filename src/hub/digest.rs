//! Digests of files as the hub names them: SHA-256 for large files (Git LFS), Git's SHA-1 for the others.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};
use std::path::Path;

/// A digest that grows with the bytes of a file.
#[derive(Debug)]
pub(super) enum Digest {
    Sha256(Box<Sha256>),
    Git(Sha1),
    /// The name tells nothing of the content.
    Nothing,
}

impl Digest {
    /// The kind that `etag` is, for a file of `bytes`.
    pub(super) fn like(etag: &str, bytes: u64) -> Self {
        let hex = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match etag.len() {
            64 if hex => Self::Sha256(Box::default()),
            40 if hex => {
                let mut sha1 = Sha1::default();
                sha1.update(format!("blob {bytes}\0").as_bytes());
                Self::Git(sha1)
            }
            _ => Self::Nothing,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sha256) => sha256.update(bytes),
            Self::Git(sha1) => sha1.update(bytes),
            Self::Nothing => {}
        }
    }

    /// Whether the bytes were those that `etag` names; a name that tells nothing fits anything.
    pub(super) fn is(self, etag: &str) -> bool {
        match self {
            Self::Sha256(sha256) => hex(&sha256.finalize()).eq_ignore_ascii_case(etag),
            Self::Git(sha1) => hex(&sha1.finalize()).eq_ignore_ascii_case(etag),
            Self::Nothing => true,
        }
    }

    /// Reads all of `from` into the digest; how many bytes that were.
    pub(super) fn read(&mut self, mut from: impl Read) -> io::Result<u64> {
        let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
        loop {
            let read = from.read(&mut buffer)?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
                return Ok(bytes);
            };
            self.update(piece);
            bytes += read as u64;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Git's name of a file's content.
pub fn git_digest(content: &[u8]) -> String {
    let mut sha1 = Sha1::default();
    sha1.update(format!("blob {}\0", content.len()).as_bytes());
    sha1.update(content);
    hex(&sha1.finalize())
}

/// Whether the file at `path` is of this length and digest.
pub(super) fn is_whole(path: &Path, etag: &str, bytes: u64) -> io::Result<bool> {
    let mut digest = Digest::like(etag, bytes);
    let read = digest.read(std::fs::File::open(path)?)?;
    Ok(read == bytes && digest.is(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_either_digest() {
        // `printf 'what is up, doc?' | git hash-object --stdin`, and sha256sum of the same.
        let text = b"what is up, doc?";
        let git = "bd9dbf5aae1a3862dd1526723246b20206e5fc37";
        let sha256 = "af4e812d13b4eae6da91024f15f7679dae49d40aee3fb4c7216b56d04193f46c";
        let known = |etag: &str, content: &[u8]| {
            let mut digest = Digest::like(etag, content.len() as u64);
            digest.read(content).unwrap();
            digest.is(etag)
        };
        assert!(known(git, text));
        assert!(!known(git, b"what is up, dog?"));
        assert!(known(sha256, text));
        assert!(!known(sha256, b"what is up, dog?"));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(known(empty, b"") && known(&empty.to_uppercase(), b""));
        assert!(known("a-mirrors-own-name", text));
    }
}
