//! The minimum spanning tree of the mutual reachability graph, without ever holding the graph.

use rayon::prelude::*;

use crate::discovery::Matrix;
use crate::discovery::distance::exact;

/// Multiplications below which one step isn't worth spreading over threads.
const PARALLEL_WORK: usize = 1 << 18;
/// Rows a thread measures at once.
const CHUNK: usize = 1024;

/// An edge of the spanning tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The end that was in the tree already.
    pub from: u32,
    /// The end that joined with this edge.
    pub to: u32,
    /// Mutual reachability distance of the two.
    pub weight: f64,
}

/// Each row's distance to its `min_samples`-th nearest other row (fewer if there are fewer rows; at
/// least the nearest).
pub fn core_distances(data: &Matrix, min_samples: usize) -> Vec<f64> {
    let rows = data.rows();
    if rows < 2 {
        return vec![0.0; rows];
    }
    let rank = min_samples.min(rows - 1).max(1);
    (0..rows)
        .into_par_iter()
        .map(|row| {
            let mut distances: Vec<f64> =
                (0..rows).map(|other| exact(data.row(row), data.row(other))).collect();
            // Rank 0 is the row itself, at distance 0.
            *distances.select_nth_unstable_by(rank, f64::total_cmp).1
        })
        .collect()
}

/// Prim's tree from row 0, in the order in which rows join it (rows − 1 edges). Among rows equally
/// near the first in row order joins; an edge is replaced only by a strictly shorter one.
pub fn spanning_tree(data: &Matrix, min_samples: usize) -> Vec<Edge> {
    let rows = data.rows();
    let cores = core_distances(data, min_samples);
    let mut outside: Vec<u32> = (1..rows as u32).collect();
    let mut best = vec![(f64::INFINITY, 0u32); rows];
    let mut distances = Vec::new();
    let mut edges = Vec::with_capacity(outside.len());
    let mut current = 0u32;
    while !outside.is_empty() {
        measure(data, current, &outside, &mut distances);
        let (mut nearest, mut least) = (0, f64::INFINITY);
        for (at, (&other, &distance)) in outside.iter().zip(&distances).enumerate() {
            let reach = distance.max(cores[other as usize]).max(cores[current as usize]);
            let known = &mut best[other as usize];
            if reach < known.0 {
                *known = (reach, current);
            }
            if known.0 < least {
                (nearest, least) = (at, known.0);
            }
        }
        let joined = outside.remove(nearest);
        let (weight, from) = best[joined as usize];
        edges.push(Edge { from, to: joined, weight });
        current = joined;
    }
    edges
}

/// Distances from `current` to every row of `outside`, in order.
fn measure(data: &Matrix, current: u32, outside: &[u32], distances: &mut Vec<f64>) {
    let own = data.row(current as usize);
    let distance = |&other: &u32| exact(own, data.row(other as usize));
    if outside.len() * data.cols() < PARALLEL_WORK {
        distances.clear();
        distances.extend(outside.iter().map(distance));
    } else {
        outside.par_iter().with_min_len(CHUNK).map(distance).collect_into_vec(distances);
    }
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
