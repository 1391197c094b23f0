//! Files that a command leaves: whole or absent.

use crate::store::AtomicFile;
use anyhow::Context as _;
use std::io::Write;
use std::path::Path;

/// Writes a file that is whole or absent; a device such as `/dev/null` is written as it stands.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let named = || format!("cannot write {}", path.display());
    if path.exists() && !path.is_file() {
        return std::fs::write(path, content).with_context(named);
    }
    let mut out = AtomicFile::create(path)?;
    out.write_all(content).with_context(named)?;
    out.publish(path)?;
    Ok(())
}
