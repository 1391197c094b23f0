//! What tells one state of a shard from another without reading it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What is known of a shard before it is read. Two equal ones are taken for the same content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardIdentity {
    /// Its length in bytes; a pipe has none.
    pub bytes: Option<u64>,
    /// A file's modification time in nanoseconds since 1970, an object's ETag, or where it has none
    /// its modification time. A pipe has none: its command is all that is known of it.
    pub version: Option<String>,
}

/// The identity of a file.
pub(super) fn of_file(path: &Path) -> io::Result<ShardIdentity> {
    let about = fs::metadata(path)?;
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let version = modified.map(|time| time.as_nanos().to_string());
    Ok(ShardIdentity { bytes: Some(about.len()), version })
}
