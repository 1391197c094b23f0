//! The graph's way to disk and back.

use super::Index;
use crate::discovery::DiscoveryError;
use hnsw_rs::anndists::dist::DistL2;
use hnsw_rs::api::AnnT;
use hnsw_rs::hnswio::{HnswIo, ReloadOptions};
use std::fs::File;
use std::path::{Path, PathBuf};

impl Index<'_> {
    /// Writes `BASENAME.hnsw.graph` and `BASENAME.hnsw.data` into `dir`, which must exist. Files of
    /// that name are replaced; write into a temporary folder and rename for an atomic change.
    ///
    /// # Errors
    /// [`DiscoveryError::IndexWrite`] naming the file or folder at fault.
    pub fn dump(&self, dir: &Path, basename: &str) -> Result<[PathBuf; 2], DiscoveryError> {
        let paths = files(dir, basename);
        let failed = |path: &Path, reason: String| DiscoveryError::IndexWrite {
            path: path.to_path_buf(),
            reason,
        };
        if self.rows() == 0 {
            return Err(failed(&paths[0], "the index is empty".into()));
        }
        for path in &paths {
            File::create(path).map_err(|error| failed(path, error.to_string()))?;
        }
        let name = self.graph.file_dump(dir, basename);
        let name = name.map_err(|error| failed(dir, format!("{error:#}")))?;
        Ok(files(dir, &name))
    }
}

/// The two files of an index.
fn files(dir: &Path, basename: &str) -> [PathBuf; 2] {
    ["graph", "data"].map(|part| dir.join(format!("{basename}.hnsw.{part}")))
}

/// Reads an index that [`Index::dump`] wrote and hands it to `use_index`. The rows are mapped into memory, not read.
///
/// The library ties a loaded graph to its reader, hence the closure. It trusts the files' contents:
/// check their recorded checksums before.
///
/// # Errors
/// [`DiscoveryError::IndexRead`] if a file is missing or isn't an index of f32 rows.
pub fn with_loaded<T>(
    dir: &Path,
    basename: &str,
    ef_search: usize,
    use_index: impl FnOnce(&Index<'_>) -> T,
) -> Result<T, DiscoveryError> {
    let paths = files(dir, basename);
    let failed = |path: &Path, reason: String| DiscoveryError::IndexRead {
        path: path.to_path_buf(),
        reason,
    };
    for path in &paths {
        File::open(path).map_err(|error| failed(path, error.to_string()))?;
    }
    // Every record of the data file is a multiple of four bytes long, so that f32 stay aligned.
    let options = ReloadOptions::new(true);
    let mut reader = HnswIo::new_with_options(dir, basename, options);
    let graph = reader.load_hnsw::<f32, DistL2>();
    let mut graph = graph.map_err(|error| failed(&paths[0], format!("{error:#}")))?;
    graph.set_searching_mode(true);
    Ok(use_index(&Index { graph, ef_search }))
}
