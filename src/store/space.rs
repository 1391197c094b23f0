//! Room on the disk.

use std::path::{Path, PathBuf};

/// The nearest folder that exists of `path` and those above it.
pub fn existing(path: &Path) -> PathBuf {
    let found = path.ancestors().find(|folder| folder.exists());
    found.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Bytes free to this user where `path` is or will be; `None` where the system doesn't say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    // Tests make the disk small by it.
    #[cfg(debug_assertions)]
    if let Ok(bytes) = std::env::var("CODA_PIPE_FREE_BYTES") {
        return bytes.parse().ok();
    }
    let about = rustix::fs::statvfs(existing(path)).ok()?;
    Some(about.f_bavail * about.f_frsize)
}
