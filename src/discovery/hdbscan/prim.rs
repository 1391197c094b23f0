//! The minimum spanning tree of the mutual reachability graph, without ever holding the graph.
//!
//! Distances that decide are computed term by term in f64 (`exact`), as the reference does. Most
//! pairs never get there: a lower bound in f32 shows that they cannot matter (`frontier.rs`).

use rayon::prelude::*;

use super::edge::Edge;
use super::frontier::Frontier;
use crate::discovery::Matrix;
use crate::linalg::distance::exact;
use crate::linalg::knn::candidates;

/// Each row's distance to its `min_samples`-th nearest other row (fewer if there are fewer rows; at
/// least the nearest).
pub fn core_distances(data: &Matrix, min_samples: usize) -> Vec<f64> {
    let rows = data.rows();
    if rows < 2 {
        return vec![0.0; rows];
    }
    // Rank 0 is the row itself, at distance 0.
    let rank = min_samples.min(rows - 1).max(1);
    let all: Vec<usize> = (0..rows).collect();
    let mut cores = Vec::with_capacity(rows);
    candidates::visit(data, &all, rank + 1, |rows, candidates| {
        let core = |(&row, candidates): (&usize, &Vec<u32>)| {
            let own = data.row(row);
            let mut distances: Vec<f64> =
                candidates.iter().map(|&other| exact(own, data.row(other as usize))).collect();
            *distances.select_nth_unstable_by(rank, f64::total_cmp).1
        };
        cores.par_extend(rows.par_iter().zip(candidates).map(core));
    });
    cores
}

/// Prim's tree from row 0, in the order in which rows join it (rows − 1 edges). Among rows equally
/// near the first in row order joins; an edge is replaced only by a strictly shorter one.
pub fn spanning_tree(data: &Matrix, min_samples: usize) -> Vec<Edge> {
    let cores = core_distances(data, min_samples);
    let mut frontier = Frontier::new(data, &cores);
    let mut edges = Vec::with_capacity(data.rows().saturating_sub(1));
    let mut current = 0u32;
    while let Some(edge) = frontier.join(current) {
        edges.push(edge);
        current = edge.to;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(places: &[f32]) -> Matrix {
        Matrix::from_fn(places.len(), 1, |row, _| places[row])
    }

    #[test]
    fn core_distances_do_not_count_the_row_itself() {
        let data = line(&[0.0, 1.0, 3.0, 7.0]);
        assert_eq!(core_distances(&data, 1), [1.0, 1.0, 2.0, 4.0]);
        assert_eq!(core_distances(&data, 2), [3.0, 2.0, 3.0, 6.0]);
        assert_eq!(core_distances(&data, 99), [7.0, 6.0, 4.0, 7.0]);
        assert_eq!(core_distances(&line(&[5.0]), 3), [0.0]);
    }

    #[test]
    fn ties_go_to_the_first_row_and_its_first_edge() {
        let edges = spanning_tree(&line(&[0.0, 1.0, -1.0, 0.0]), 1);
        let ends: Vec<(u32, u32)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(ends, [(0, 3), (0, 1), (0, 2)]);
    }

    #[test]
    fn threads_change_nothing() {
        let data = Matrix::from_fn(300, 2000, |row, col| ((row * 31 + col * 17) % 23) as f32);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| spanning_tree(&data, 3))
        };
        assert_eq!(on(1), on(4));
    }
}
