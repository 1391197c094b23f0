//! Nearest neighbours through a hierarchical navigable small world graph (hnsw_rs).

use super::error::DiscoveryError;
use super::matrix::{Matrix, squared_distance};
use super::neighbors::{Neighbors, exact};
use super::rng::Rng;
use hnsw_rs::prelude::{AnnT, DistL2, Hnsw};
use rayon::prelude::*;
use std::path::Path;

/// Parameters of the graph.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct HnswSettings {
    /// Links of a point in one layer (M).
    pub links: usize,
    /// Candidates looked at while building.
    pub ef_construction: usize,
    /// Candidates looked at while searching; at least the number of neighbours.
    pub ef_search: usize,
    /// The least recall: below it the index is built again with twice the candidates.
    pub recall_floor: f64,
}

impl Default for HnswSettings {
    fn default() -> Self {
        Self { links: 24, ef_construction: 200, ef_search: 128, recall_floor: 0.95 }
    }
}

/// An index over the rows of a matrix.
pub struct Index {
    graph: Hnsw<'static, f32, DistL2>,
    ef_search: usize,
}

/// Layers of the graph at most.
const LAYERS: usize = 16;
/// Rows that recall is measured on.
const RECALL_SAMPLE: usize = 100;

impl Index {
    /// Builds the index, row after row: the order decides the graph, so parallel insertion would not be reproducible.
    pub fn build(points: &Matrix, settings: &HnswSettings) -> Self {
        let (n, links) = (points.rows(), settings.links.clamp(2, 255));
        let graph = Hnsw::new(links, n.max(1), LAYERS, settings.ef_construction, DistL2 {});
        for i in 0..n {
            graph.insert((points.row(i), i));
        }
        Self { graph, ef_search: settings.ef_search }
    }

    /// The `k` nearest rows of every row that the index finds; lists that it leaves short are filled exactly.
    pub fn search(&self, points: &Matrix, k: usize) -> Neighbors {
        let n = points.rows();
        let k = k.clamp(1, n.max(1));
        let ef = self.ef_search.max(k + 1);
        let lists = (0..n).into_par_iter().map(|i| {
            let found = self.graph.search(points.row(i), k + 1, ef);
            let mut rows: Vec<usize> = found.iter().map(|f| f.d_id).collect();
            rows.sort_unstable();
            rows.dedup();
            if rows.len() < k || (rows.len() == k && rows.binary_search(&i).is_err()) {
                rows = (0..n).collect();
            }
            let row = points.row(i);
            rows.into_iter().map(|j| (j as u32, squared_distance(row, points.row(j)))).collect()
        });
        Neighbors::assemble(k, lists.collect())
    }

    /// Writes `NAME.hnsw.graph` and `NAME.hnsw.data` into `folder`.
    ///
    /// # Errors
    /// If the files can't be written.
    pub fn dump(&self, folder: &Path, name: &str) -> Result<(), DiscoveryError> {
        let written = self.graph.file_dump(folder, name);
        written.map(drop).map_err(|e| DiscoveryError::Index(e.to_string()))
    }
}

/// Builds an index, measures its recall, and builds again with more candidates until the floor is met (or the index
/// looks at everything). Answers with the index, its neighbours, and the recall.
pub fn search(points: &Matrix, k: usize, settings: &HnswSettings) -> (Index, Neighbors, f64) {
    let mut settings = *settings;
    loop {
        let index = Index::build(points, &settings);
        let found = index.search(points, k);
        let recall = recall(points, &found);
        if recall >= settings.recall_floor || settings.ef_search >= points.rows() {
            return (index, found, recall);
        }
        settings.ef_search *= 2;
        settings.ef_construction *= 2;
    }
}

/// The share of true neighbours found, on a sample of rows.
pub fn recall(points: &Matrix, found: &Neighbors) -> f64 {
    let n = points.rows();
    if n == 0 {
        return 1.0;
    }
    let mut rng = Rng::new(n as u64);
    let sample: Vec<usize> = (0..RECALL_SAMPLE.min(n)).map(|_| rng.below(n)).collect();
    let hits: usize = sample
        .par_iter()
        .map(|&i| {
            let mut all: Vec<f64> =
                (0..n).map(|j| squared_distance(points.row(i), points.row(j))).collect();
            all.sort_by(f64::total_cmp);
            // By distance, so that a tie at the end counts for either point.
            let worst = all[found.k - 1] * (1.0 + 1e-6);
            found
                .of(i)
                .filter(|(j, _)| squared_distance(points.row(i), points.row(*j)) <= worst)
                .count()
        })
        .sum();
    hits as f64 / (sample.len() * found.k) as f64
}

/// Exact neighbours, for callers that choose between the two by size.
pub fn exact_search(points: &Matrix, k: usize) -> Neighbors {
    exact(points, k)
}
