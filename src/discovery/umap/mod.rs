//! UMAP (McInnes, Healy, Melville 2018) as `umap-learn` computes it, seeded and thread-independent.
//!
//! Neighbour distances become the weights of a fuzzy graph ([`smooth`], [`fuzzy`]); the graph's
//! Laplacian gives first positions ([`spectral`]); attraction along edges and repulsion from random
//! vertices move them to their places ([`layout`]).

mod curve;
mod force;
pub mod fuzzy;
pub mod layout;
mod mover;
mod schedule;
pub mod smooth;
pub mod spectral;

pub use curve::Curve;

use super::Matrix;
use crate::linalg::knn::Neighbors;

/// UMAP's parameters; [`Default`] has the published program's values.
#[derive(Clone, Debug, PartialEq)]
pub struct UmapSettings {
    /// Columns of the embedding.
    pub components: usize,
    /// Least distance between embedded points.
    pub min_dist: f64,
    /// Scale of the embedding.
    pub spread: f64,
    /// Random vertices a vertex is pushed from for each pull along an edge.
    pub negative_samples: usize,
    /// Step size of the first epoch, falling linearly to zero.
    pub learning_rate: f32,
    /// Weight of the pushes.
    pub repulsion: f32,
    /// Passes over the edges: 500 below 10,000 rows and 200 above, if not given.
    pub epochs: Option<usize>,
    /// Seed of the first positions' noise and of the random vertices.
    pub seed: u64,
}

impl Default for UmapSettings {
    fn default() -> Self {
        Self {
            components: 50,
            min_dist: 0.0,
            spread: 1.0,
            negative_samples: 5,
            learning_rate: 1.0,
            repulsion: 1.0,
            epochs: None,
            seed: 0,
        }
    }
}

impl UmapSettings {
    /// Passes over the edges for `rows` rows.
    pub fn epochs_for(&self, rows: usize) -> usize {
        self.epochs.unwrap_or(if rows <= 10_000 { 500 } else { 200 })
    }
}

/// Embeds the rows that `neighbors` describes: rows × `components`, finite, the same bits whatever
/// the number of threads. A single row is embedded at the origin.
pub fn embed(neighbors: &Neighbors, settings: &UmapSettings) -> Matrix {
    let rows = neighbors.rows();
    if rows < 2 || settings.components == 0 {
        return Matrix::from_fn(rows, settings.components, |_, _| 0.0);
    }
    let bandwidths = smooth::smooth(neighbors);
    let mut graph = fuzzy::fuzzy_union(neighbors, &bandwidths);
    let epochs = settings.epochs_for(rows);
    graph.drop_weak(epochs);
    let initial = spectral::initial_positions(&graph, settings.components, settings.seed);
    let curve = Curve::fit(settings.spread, settings.min_dist);
    layout::optimize(initial, &graph, &curve, epochs, settings)
}
