//! An approximate neighbour index (hierarchical navigable small world graph, Malkov and Yashunin
//! 2016), for many rows.
//!
//! `hnsw_rs` draws its levels from a generator with a constant seed, one draw per insertion, so rows
//! inserted one after another in row order give the same graph in every process; its parallel
//! insertion doesn't. The library answers some bad arguments and unwritable files by ending the
//! process or panicking, so both are checked here first.

use std::fs::File;
use std::path::{Path, PathBuf};

use hnsw_rs::anndists::dist::DistL2;
use hnsw_rs::api::AnnT;
use hnsw_rs::hnsw::Hnsw;
use hnsw_rs::hnswio::{HnswIo, ReloadOptions};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DiscoveryError, Matrix};
use crate::linalg::knn::{Neighbors, exact, exact_for, nearest};

/// Layers of the graph: the library's most.
const LAYERS: usize = 16;
/// The largest `ef` taken; beyond it comparing everything is faster.
const MOST_CANDIDATES: usize = 100_000;
/// Rows whose neighbours are compared with the exact ones to measure recall.
const SAMPLE: usize = 200;

/// How the graph is built and searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswSettings {
    /// Links a node keeps per layer (M), 2 to 255.
    pub m: usize,
    /// Candidates kept while a row is inserted.
    pub ef_construction: usize,
    /// Candidates kept while a row is searched; never fewer than the neighbours asked for.
    pub ef_search: usize,
    /// The least recall accepted: below it both `ef` are doubled and the graph is built again.
    pub recall_floor: f64,
    /// How often that is tried before the exact search takes over.
    pub rebuilds: usize,
}

impl Default for HnswSettings {
    fn default() -> Self {
        Self { m: 24, ef_construction: 200, ef_search: 200, recall_floor: 0.95, rebuilds: 2 }
    }
}

impl HnswSettings {
    /// Checks every number's range.
    ///
    /// # Errors
    /// [`DiscoveryError::Setting`] naming the first one outside.
    pub fn check(&self) -> Result<(), DiscoveryError> {
        let refuse = |name, value: String, rule| Err(DiscoveryError::Setting { name, value, rule });
        if !(2..=255).contains(&self.m) {
            return refuse("hnsw.m", self.m.to_string(), "between 2 and 255");
        }
        for (name, ef) in
            [("hnsw.ef_construction", self.ef_construction), ("hnsw.ef_search", self.ef_search)]
        {
            // The library sets aside room for so many candidates at once.
            if !(1..=MOST_CANDIDATES).contains(&ef) {
                return refuse(name, ef.to_string(), "between 1 and 100,000");
            }
        }
        if !(0.0..=1.0).contains(&self.recall_floor) {
            return refuse("hnsw.recall_floor", self.recall_floor.to_string(), "between 0 and 1");
        }
        Ok(())
    }
}

/// A graph over the rows of one matrix.
pub struct Index<'a> {
    graph: Hnsw<'a, f32, DistL2>,
    ef_search: usize,
}

impl std::fmt::Debug for Index<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Index")
            .field("rows", &self.graph.get_nb_point())
            .field("m", &self.graph.get_max_nb_connection())
            .field("ef_construction", &self.graph.get_ef_construction())
            .field("ef_search", &self.ef_search)
            .finish()
    }
}

impl Index<'static> {
    /// Inserts every row in order. The graph holds its own copy of the rows.
    ///
    /// # Errors
    /// Settings out of range, or rows that can't be compared.
    pub fn build(data: &Matrix, settings: &HnswSettings) -> Result<Self, DiscoveryError> {
        settings.check()?;
        data.check()?;
        let (m, ef) = (settings.m, settings.ef_construction);
        let mut graph = Hnsw::new(m, data.rows().max(1), LAYERS, ef, DistL2 {});
        for row in 0..data.rows() {
            graph.insert_slice((data.row(row), row));
        }
        graph.set_searching_mode(true);
        Ok(Self { graph, ef_search: settings.ef_search })
    }
}

impl Index<'_> {
    /// Number of rows in the graph.
    pub fn rows(&self) -> usize {
        self.graph.get_nb_point()
    }

    /// The `k` rows nearest to each row of `data`, which must be the matrix the graph was built on:
    /// itself first, then by the directly measured distance, ties by row order.
    pub fn search(&self, data: &Matrix, k: usize) -> Neighbors {
        let rows: Vec<usize> = (0..data.rows()).collect();
        self.search_for(data, &rows, k)
    }

    /// As [`Index::search`], but only for the rows named in `queries`, in that order.
    pub fn search_for(&self, data: &Matrix, queries: &[usize], k: usize) -> Neighbors {
        let k = k.clamp(1, data.rows().max(1));
        let found: Vec<Vec<(f32, u32)>> =
            queries.par_iter().map(|&row| self.search_row(data, row, k)).collect();
        Neighbors::from_rows(k, found)
    }

    /// One row's neighbours. A graph with unreachable rows can return fewer than `k`; the first
    /// rows then fill up, so that every list is full.
    fn search_row(&self, data: &Matrix, row: usize, k: usize) -> Vec<(f32, u32)> {
        nearest(data, row, self.candidates(data.row(row), k), k)
    }

    /// Rows that could be among the `k` nearest to `point`, at least `k` where there are so many.
    pub(super) fn candidates(&self, point: &[f32], k: usize) -> Vec<u32> {
        let ef = self.ef_search.max(k + 1);
        let found = self.graph.search(point, (k + 1).min(self.rows()), ef);
        let mut candidates: Vec<u32> = found.iter().map(|near| near.d_id as u32).collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut filler = 0..self.rows() as u32;
        while candidates.len() < k {
            let Some(next) = filler.next() else { break };
            if !candidates.contains(&next) {
                candidates.push(next);
            }
        }
        candidates
    }

    /// The share of true neighbours (the row itself not counted) that the graph finds, over at most
    /// 200 rows spread evenly. A neighbour as near as the true k-th counts as found.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn recall_at_k(&self, data: &Matrix, k: usize) -> Result<f64, DiscoveryError> {
        let sample = data.rows().min(SAMPLE);
        let queries: Vec<usize> = (0..sample).map(|at| at * data.rows() / sample).collect();
        let truth = exact_for(data, &queries, k)?;
        let found = self.search_for(data, &queries, k);
        let (mut hits, mut asked) = (0usize, 0usize);
        for row in 0..sample {
            let reach = truth.distances_of(row).last().copied().unwrap_or(0.0);
            asked += truth.k - 1;
            let near = found.distances_of(row).iter().skip(1);
            hits += near.filter(|&&distance| distance <= reach).count();
        }
        Ok(if asked == 0 { 1.0 } else { hits as f64 / asked as f64 })
    }

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

/// What [`search`] found.
#[derive(Debug)]
pub struct Searched {
    /// The neighbour lists.
    pub neighbors: Neighbors,
    /// The graph they came from, to write to disk.
    pub index: Index<'static>,
    /// The graph's measured recall.
    pub recall: f64,
    /// What was tried, for the log.
    pub log: Vec<String>,
}

/// Builds a graph and searches it for every row. If no attempt reaches the recall asked for, the lists come from the
/// exact search, and the graph returned is the last.
///
/// # Errors
/// As [`Index::build`].
pub fn search(
    data: &Matrix,
    k: usize,
    settings: &HnswSettings,
) -> Result<Searched, DiscoveryError> {
    let Built { index, recall, good, log } = build_to_recall(data, k, settings)?;
    let neighbors = if good { index.search(data, k) } else { exact(data, k)? };
    Ok(Searched { neighbors, index, recall, log })
}

/// What [`build_to_recall`] built.
#[derive(Debug)]
pub struct Built {
    /// The last graph.
    pub index: Index<'static>,
    /// Its measured recall.
    pub recall: f64,
    /// Whether that reaches the floor; if not, the exact search is called for.
    pub good: bool,
    /// What was tried, for the log.
    pub log: Vec<String>,
}

/// Builds a graph, measures its recall at `k`, and builds again with both `ef` doubled while the recall is under the
/// floor.
///
/// # Errors
/// As [`Index::build`].
pub fn build_to_recall(
    data: &Matrix,
    k: usize,
    settings: &HnswSettings,
) -> Result<Built, DiscoveryError> {
    let mut attempt = settings.clone();
    let mut log = Vec::new();
    let mut tries = 0;
    loop {
        let index = Index::build(data, &attempt)?;
        let recall = index.recall_at_k(data, k)?;
        log.push(format!(
            "index: M {}, ef {}/{}: recall {recall:.4} at {k}",
            attempt.m, attempt.ef_construction, attempt.ef_search
        ));
        if recall >= settings.recall_floor {
            return Ok(Built { index, recall, good: true, log });
        }
        if tries == settings.rebuilds {
            log.push(format!("index: under {}, exact neighbours used", settings.recall_floor));
            return Ok(Built { index, recall, good: false, log });
        }
        tries += 1;
        attempt.ef_construction = (attempt.ef_construction * 2).min(MOST_CANDIDATES);
        attempt.ef_search = (attempt.ef_search * 2).max(2 * k).min(MOST_CANDIDATES);
    }
}
