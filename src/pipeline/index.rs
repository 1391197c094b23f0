//! A neighbour index's way into the run directory.

use super::error::StageError;
use crate::discovery::{DiscoveryError, Index};
use crate::store::{RunDir, StoreError, Written, adopt, temporary};
use std::path::Path;

/// What the names of an index's files end in.
const ENDINGS: [&str; 2] = ["hnsw.graph", "hnsw.data"];

/// Writes `index` into `folder` as `NAME.hnsw.graph` and `NAME.hnsw.data`; `named` says whose it is where that fails. The library writes its two files itself and in
/// place, so it writes them into a temporary folder.
pub(crate) fn write_index(
    run_dir: &RunDir,
    folder: &Path,
    name: &str,
    index: &Index<'_>,
    named: impl FnOnce(DiscoveryError) -> StageError,
) -> Result<Vec<Written>, StageError> {
    let temporary = temporary(&folder.join(name));
    std::fs::create_dir(&temporary).map_err(StoreError::io("create the folder", &temporary))?;
    let dumped = index.dump(&temporary, "index").map_err(named)?;
    let mut written = Vec::new();
    for (from, ending) in dumped.iter().zip(ENDINGS) {
        written.push(adopt(from, &folder.join(format!("{name}.{ending}")), run_dir.root())?);
    }
    std::fs::remove_dir(&temporary).map_err(StoreError::io("remove", &temporary))?;
    Ok(written)
}
