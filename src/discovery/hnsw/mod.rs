//! An approximate neighbour index (hierarchical navigable small world graph, Malkov and Yashunin
//! 2016), for many rows.
//!
//! `hnsw_rs` draws its levels from a generator with a constant seed, one draw per insertion, so rows
//! inserted one after another in row order give the same graph in every process; its parallel
//! insertion doesn't. The library answers some bad arguments and unwritable files by ending the
//! process or panicking, so both are checked here first.

mod files;
mod recall;
mod settings;

pub use files::with_loaded;
pub use recall::{Built, Searched, build_to_recall, search};
pub use settings::HnswSettings;

use super::{DiscoveryError, Matrix};
use crate::linalg::knn::{Neighbors, nearest};
use hnsw_rs::anndists::dist::DistL2;
use hnsw_rs::hnsw::Hnsw;
use rayon::prelude::*;

/// Layers of the graph: the library's most.
const LAYERS: usize = 16;

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
}
