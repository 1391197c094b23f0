//! What a reader loads of a shard.

use super::retry::Retry;

/// What to load of a shard.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Largest member to load, in bytes (256 MiB by default); a larger one is a fault of its
    /// sample, and reading goes on.
    pub max_member_bytes: u64,
    /// Extensions to load, lower case without the leading dot; `None` loads all. Members with
    /// other extensions are passed over without being held in memory.
    pub extensions: Option<Vec<String>>,
    /// Whether a member whose content is not in the archive as it is (a sparse file, a link) is a fault of its sample
    /// also where it is not loaded: for indexes of the archive.
    pub all_stored: bool,
    /// How often a failed read over the network is tried again.
    pub retry: Retry,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_member_bytes: 256 * 1024 * 1024,
            extensions: None,
            all_stored: false,
            retry: Retry::default(),
        }
    }
}
