//! UMAP (McInnes, Healy, Melville 2018) as umap-learn computes it: fuzzy neighbour graph, spectral start, layout by
//! stochastic gradient descent with negative sampling.

mod curve;
mod fuzzy;
mod layout;
mod spectral;

use super::matrix::Matrix;
use super::neighbors::Neighbors;
use super::rng::Rng;

pub use fuzzy::{FuzzyGraph, fuzzy_graph, smooth_distances};

/// Parameters; `min_dist` is 0 and `spread` 1, as published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UmapSettings {
    /// Dimensions of the embedding.
    pub components: usize,
    /// Seed of the start's noise and of the layout.
    pub seed: u64,
}

/// The embedding (rows × components) of points whose neighbours are `neighbors`.
pub fn embed(neighbors: &Neighbors, n: usize, settings: &UmapSettings) -> Matrix {
    let epochs = if n <= 10_000 { 500 } else { 200 };
    let mut graph = fuzzy_graph(neighbors, n);
    graph.prune(epochs);
    let mut rng = Rng::fork(settings.seed, 1);
    let mut start = match spectral::start(&graph, n, settings.components, &mut rng) {
        Some(start) => start,
        None => random_start(n, settings.components, &mut rng),
    };
    rescale(&mut start);
    layout::optimise(start, &graph, epochs, settings.seed)
}

fn random_start(n: usize, components: usize, rng: &mut Rng) -> Matrix {
    let mut start = Matrix::zeros(n, components);
    start.data_mut().iter_mut().for_each(|v| *v = (rng.unit() * 20.0 - 10.0) as f32);
    start
}

/// Each column to 0 … 10, as the reference does before the layout.
fn rescale(points: &mut Matrix) {
    for j in 0..points.cols() {
        let column = (0..points.rows()).map(|i| points.row(i)[j]);
        let (low, high) =
            column.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let scale = if high > low { 10.0 / (high - low) } else { 0.0 };
        for i in 0..points.rows() {
            let value = &mut points.row_mut(i)[j];
            *value = (*value - low) * scale;
        }
    }
}
