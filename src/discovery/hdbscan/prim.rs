//! The minimum spanning tree of mutual reachability, without an n × n matrix.

use crate::discovery::matrix::{Matrix, squared_distance};
use rayon::prelude::*;

/// An edge of the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) weight: f64,
}

/// Distance of each point to its `min_samples`-th neighbour (itself not counted).
pub(super) fn core_distances(points: &Matrix, min_samples: usize) -> Vec<f64> {
    let n = points.rows();
    let k = min_samples.min(n - 1);
    (0..n)
        .into_par_iter()
        .map(|i| {
            let row = points.row(i);
            let mut squared: Vec<f64> =
                (0..n).map(|j| squared_distance(row, points.row(j))).collect();
            squared.select_nth_unstable_by(k, f64::total_cmp).1.sqrt()
        })
        .collect()
}

/// Prim's algorithm from row 0. A point's best link changes only by a strictly smaller distance, and the next point is
/// the first one in row order at the least distance. Edges come sorted by weight, stably.
pub(super) fn spanning_tree(points: &Matrix, core: &[f64]) -> Vec<Edge> {
    let n = points.rows();
    let mut best = vec![f64::INFINITY; n];
    let mut source = vec![0; n];
    let mut in_tree = vec![false; n];
    let mut edges = Vec::with_capacity(n - 1);
    let mut current = 0;
    for _ in 1..n {
        in_tree[current] = true;
        let (row, reach) = (points.row(current), core[current]);
        let relax = |j: usize, best: &mut f64, source: &mut usize| {
            // No distance below either core distance is possible: most rows need no distance at all.
            if !in_tree[j] && reach < *best && core[j] < *best {
                let distance = squared_distance(row, points.row(j)).sqrt();
                let mutual = distance.max(reach).max(core[j]);
                if mutual < *best {
                    (*best, *source) = (mutual, current);
                }
            }
        };
        best.par_iter_mut()
            .zip(source.par_iter_mut())
            .enumerate()
            .with_min_len(512)
            .for_each(|(j, (best, source))| relax(j, best, source));
        let mut next = (f64::INFINITY, None);
        for j in 0..n {
            if !in_tree[j] && best[j] < next.0 {
                next = (best[j], Some(j));
            }
        }
        let Some(to) = next.1 else { break };
        edges.push(Edge { from: source[to], to, weight: next.0 });
        current = to;
    }
    edges.sort_by(|a, b| a.weight.total_cmp(&b.weight));
    edges
}
