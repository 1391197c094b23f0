//! How many of the true neighbours a graph finds, and graphs that find enough of them.

use super::settings::MOST_CANDIDATES;
use super::{HnswSettings, Index};
use crate::discovery::{DiscoveryError, Matrix};
use crate::linalg::knn::{Neighbors, exact, exact_for};

/// Rows whose neighbours are compared with the exact ones to measure recall.
const SAMPLE: usize = 200;

impl Index<'_> {
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
