//! A neighbour index's way into the run directory.

use super::error::StageError;
use crate::discovery::{DiscoveryError, Index};
use crate::store::{RunDir, StoreError, Written, adopt, temporary};
use std::path::Path;

/// Files of an index in its folder.
const FILES: [&str; 2] = ["index.hnsw.graph", "index.hnsw.data"];

/// Writes `index` into `folder`; `named` says whose it is where that fails. The library writes its two files itself and in
/// place, so it writes them into a temporary folder.
pub(crate) fn write_index(
    run_dir: &RunDir,
    folder: &Path,
    index: &Index<'_>,
    named: impl FnOnce(DiscoveryError) -> StageError,
) -> Result<Vec<Written>, StageError> {
    let temporary = temporary(&folder.join("index"));
    std::fs::create_dir(&temporary).map_err(StoreError::io("create the folder", &temporary))?;
    let dumped = index.dump(&temporary, "index").map_err(named)?;
    let mut written = Vec::new();
    for (from, name) in dumped.iter().zip(FILES) {
        written.push(adopt(from, &folder.join(name), run_dir.root())?);
    }
    std::fs::remove_dir(&temporary).map_err(StoreError::io("remove", &temporary))?;
    Ok(written)
}
