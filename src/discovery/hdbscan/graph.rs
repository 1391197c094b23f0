//! A spanning tree for many rows, from a graph of near neighbours instead of all pairs.
//!
//! The graph is that of the neighbour lists. Where they don't connect, every component but the largest
//! is joined to another one by a short edge from one of its rows, round by round (Borůvka), until all
//! are one. Prim's walk over the graph, with the order of [`super::prim`], then gives the tree. Edges
//! as short as a core distance are in the lists, so ties fall as in the exact tree; only long edges
//! within a component can be missed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::edge::Edge;
use super::linkage::root;
use super::prim::spanning_tree;
use crate::discovery::hnsw::{HnswSettings, Index};
use crate::discovery::{DiscoveryError, Matrix, NeighborSearch};
use crate::linalg::distance::exact;
use crate::linalg::knn::{self, Neighbors, candidates};

/// Neighbours whose edges are looked at, the row itself included.
const NEIGHBORS: usize = 32;
/// Rows outside its component whose edges a row looks at.
const BRIDGES: usize = 4;

/// A tree of rows − 1 edges, short by mutual reachability. Every time the same.
pub fn near_spanning_tree(data: &Matrix, min_samples: usize) -> Vec<Edge> {
    if data.rows() < 2 {
        return Vec::new();
    }
    match neighbor_lists(data, NEIGHBORS.max(min_samples.saturating_add(1))) {
        Ok(lists) => tree_of(data, &lists, min_samples),
        // Rows that can't be compared fast can still be compared.
        Err(_) => spanning_tree(data, min_samples),
    }
}

/// Exact lists while those are quicker than an index.
fn neighbor_lists(data: &Matrix, k: usize) -> Result<Neighbors, DiscoveryError> {
    if NeighborSearch::Auto.uses_index(data.rows(), data.cols()) {
        return Ok(Index::build(data, &HnswSettings::default())?.search(data, k));
    }
    Ok(knn::exact(data, k)?)
}

fn tree_of(data: &Matrix, lists: &Neighbors, min_samples: usize) -> Vec<Edge> {
    let rows = data.rows();
    let rank = min_samples.min(rows.saturating_sub(1)).max(1);
    let distance = |row: usize, other: u32| exact(data.row(row), data.row(other as usize));
    let cores: Vec<f64> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let mut distances: Vec<f64> =
                lists.of(row).iter().map(|&other| distance(row, other)).collect();
            distances.sort_unstable_by(f64::total_cmp);
            distances.get(rank).copied().unwrap_or(0.0)
        })
        .collect();
    let reach = |row: usize, other: u32| {
        let weight = distance(row, other).max(cores[row]).max(cores[other as usize]);
        Edge { from: row as u32, to: other, weight }
    };
    let mut links: Vec<Vec<u32>> = (0..rows).map(|row| lists.of(row).to_vec()).collect();
    let mut parts = Parts::new(rows);
    for row in 0..rows {
        for &other in lists.of(row) {
            links[other as usize].push(row as u32);
            parts.join(row, other as usize);
        }
    }
    while parts.count > 1 {
        let before = parts.count;
        for Edge { from, to, .. } in bridges(data, &parts.labels(), reach) {
            if parts.join(from as usize, to as usize) {
                links[from as usize].push(to);
                links[to as usize].push(from);
            }
        }
        if parts.count == before {
            // Only values that compare with nothing end here.
            return spanning_tree(data, min_samples);
        }
    }
    walk(&links, reach)
}

/// Prim's tree over the links, from row 0.
fn walk(links: &[Vec<u32>], reach: impl Fn(usize, u32) -> Edge) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(links.len().saturating_sub(1));
    let mut best = vec![(f64::INFINITY, 0u32); links.len()];
    let mut inside = vec![false; links.len()];
    // Weights aren't negative, so their bits are in their order; then by row.
    let mut waiting = BinaryHeap::from([Reverse((0u64, 0u32))]);
    while let Some(Reverse((_, row))) = waiting.pop() {
        if std::mem::replace(&mut inside[row as usize], true) {
            continue;
        }
        if row > 0 {
            let (weight, from) = best[row as usize];
            edges.push(Edge { from, to: row, weight });
        }
        for &other in links[row as usize].iter().filter(|&&other| !inside[other as usize]) {
            let weight = reach(row as usize, other).weight;
            if weight < best[other as usize].0 {
                best[other as usize] = (weight, row);
                waiting.push(Reverse((weight.to_bits(), other)));
            }
        }
    }
    edges
}

/// The shortest edge found out of every component but the largest, shortest first.
fn bridges(data: &Matrix, labels: &[u32], reach: impl Fn(usize, u32) -> Edge + Sync) -> Vec<Edge> {
    let mut sizes = vec![0usize; labels.len()];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    let largest = (0..sizes.len()).rev().max_by_key(|&label| sizes[label]).unwrap_or(0);
    let rows: Vec<usize> =
        (0..labels.len()).filter(|&row| labels[row] as usize != largest).collect();
    let mut shortest: Vec<Option<Edge>> = vec![None; labels.len()];
    candidates::visit_other_labels(data, &rows, BRIDGES, Some(labels), |rows, found| {
        let nearest = |(&row, others): (&usize, &Vec<u32>)| {
            let edges = others.iter().map(|&other| reach(row, other));
            edges.min_by(|a, b| a.weight.total_cmp(&b.weight))
        };
        let edges: Vec<Option<Edge>> = rows.par_iter().zip(found).map(nearest).collect();
        for edge in edges.into_iter().flatten() {
            let best = &mut shortest[labels[edge.from as usize] as usize];
            if best.is_none_or(|best| edge.weight < best.weight) {
                *best = Some(edge);
            }
        }
    });
    let mut bridges: Vec<Edge> = shortest.into_iter().flatten().collect();
    bridges.sort_by(|a, b| a.weight.total_cmp(&b.weight));
    bridges
}

/// Components that grow together.
struct Parts {
    parents: Vec<usize>,
    count: usize,
}

impl Parts {
    fn new(rows: usize) -> Self {
        Self { parents: (0..rows).collect(), count: rows }
    }

    /// Joins the components of two rows; false if they are one already.
    fn join(&mut self, left: usize, right: usize) -> bool {
        let (left, right) = (root(&mut self.parents, left), root(&mut self.parents, right));
        if left == right {
            return false;
        }
        self.parents[left.max(right)] = left.min(right);
        self.count -= 1;
        true
    }

    /// Each row's component, named by its first row.
    fn labels(&mut self) -> Vec<u32> {
        (0..self.parents.len()).map(|row| root(&mut self.parents, row) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_heaps_are_joined_by_their_shortest_edges() {
        // Five heaps on a line, farther and farther apart, each with more rows than a list.
        let starts = [0.0, 100.0, 300.0, 700.0, 1500.0];
        let data = Matrix::from_fn(200, 2, |row, col| match col {
            0 => starts[row / 40] + (row % 40) as f32,
            _ => 0.0,
        });
        let weight = |edges: &[Edge]| edges.iter().map(|edge| edge.weight).sum::<f64>();
        let (near, all) = (near_spanning_tree(&data, 3), spanning_tree(&data, 3));
        assert_eq!(near.len(), 199);
        assert_eq!(weight(&near), weight(&all));
        let mut long: Vec<f64> =
            near.iter().map(|edge| edge.weight).filter(|&w| w > 50.0).collect();
        long.sort_unstable_by(f64::total_cmp);
        assert_eq!(long, [61.0, 161.0, 361.0, 761.0]);
    }

    #[test]
    fn small_and_equal_rows_make_whole_trees() {
        for rows in [0usize, 1, 2, 3, 70] {
            let edges =
                near_spanning_tree(&Matrix::from_fn(rows, 2, |row, _| (row / 60) as f32), 3);
            assert_eq!(edges.len(), rows.saturating_sub(1));
        }
    }
}
