//! A file of a repository on the hub.

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepoFile {
    /// Its path in the repository.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// The name of its content: SHA-256 of a large file, Git's SHA-1 of another. Empty where only the cache was looked at.
    pub(super) etag: String,
}
