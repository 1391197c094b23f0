//! The fuzzy simplicial set: an undirected weighted graph over the rows.

use super::smooth::Bandwidths;
use crate::linalg::knn::Neighbors;

/// An undirected weighted graph, each edge held from both its ends, in compressed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// `offsets[v]..offsets[v + 1]` are vertex v's edges; vertices + 1 long.
    pub offsets: Vec<usize>,
    /// Each edge's other end, ascending within a vertex.
    pub targets: Vec<u32>,
    /// Each edge's weight, in (0, 1].
    pub weights: Vec<f32>,
}

impl Graph {
    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The edges of one vertex: (other end, weight).
    pub fn edges(&self, vertex: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.offsets[vertex]..self.offsets[vertex + 1];
        self.targets[range.clone()]
            .iter()
            .map(|&t| t as usize)
            .zip(self.weights[range].iter().copied())
    }

    /// The largest weight, 0 without edges.
    pub fn largest_weight(&self) -> f32 {
        self.weights.iter().copied().fold(0.0, f32::max)
    }

    /// Drops edges too weak to be pulled once in `epochs` passes.
    pub fn drop_weak(&mut self, epochs: usize) {
        let floor = self.largest_weight() / epochs.max(1) as f32;
        let rows: Vec<Vec<(u32, f32)>> = (0..self.vertices())
            .map(|vertex| {
                self.edges(vertex)
                    .filter(|&(_, weight)| weight >= floor)
                    .map(|(target, weight)| (target as u32, weight))
                    .collect()
            })
            .collect();
        *self = Self::from_rows(rows);
    }

    /// Lays the vertices' edge lists one after another.
    pub fn from_rows(rows: Vec<Vec<(u32, f32)>>) -> Self {
        let mut graph = Self { offsets: vec![0], targets: Vec::new(), weights: Vec::new() };
        for row in rows {
            graph.targets.extend(row.iter().map(|&(target, _)| target));
            graph.weights.extend(row.iter().map(|&(_, weight)| weight));
            graph.offsets.push(graph.targets.len());
        }
        graph
    }
}

/// Turns neighbour distances into membership strengths exp(−(d − ρ)/σ) and joins the two directions
/// of each pair by the fuzzy union a + b − a·b.
pub fn fuzzy_union(neighbors: &Neighbors, bandwidths: &Bandwidths) -> Graph {
    let rows = neighbors.rows();
    // Both directions of a pair meet under each end: (other end, forth, back).
    let mut met: Vec<Vec<(u32, f32, f32)>> = vec![Vec::new(); rows];
    for row in 0..rows {
        let (sigma, rho) = (bandwidths.sigmas[row], bandwidths.rhos[row]);
        for (&other, &distance) in neighbors.of(row).iter().zip(neighbors.distances_of(row)) {
            if other as usize != row {
                let strength = membership(distance, rho, sigma);
                met[row].push((other, strength, 0.0));
                met[other as usize].push((row as u32, 0.0, strength));
            }
        }
    }
    Graph::from_rows(met.into_iter().map(union_of).collect())
}

/// How strongly a row holds a neighbour at `distance`.
fn membership(distance: f32, rho: f32, sigma: f32) -> f32 {
    let beyond = distance - rho;
    if beyond <= 0.0 || sigma == 0.0 { 1.0 } else { (-beyond / sigma).exp() }
}

/// Joins the one or two directions of each pair in a vertex's list.
fn union_of(mut met: Vec<(u32, f32, f32)>) -> Vec<(u32, f32)> {
    met.sort_by_key(|&(other, _, _)| other);
    let mut joined: Vec<(u32, f32)> = Vec::with_capacity(met.len());
    for same in met.chunk_by(|a, b| a.0 == b.0) {
        let (forth, back) = same
            .iter()
            .fold((0.0f32, 0.0f32), |(forth, back), pair| (forth + pair.1, back + pair.2));
        let weight = forth + back - forth * back;
        if weight > 0.0 {
            joined.push((same[0].0, weight));
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_union_is_symmetric_and_joins_both_directions() {
        let neighbors = Neighbors {
            k: 2,
            indices: vec![0, 1, 1, 0, 2, 1],
            distances: vec![0.0, 1.0, 0.0, 1.0, 0.0, 2.0],
        };
        let bandwidths = Bandwidths { sigmas: vec![1.0; 3], rhos: vec![0.5, 0.0, 2.0] };
        let graph = fuzzy_union(&neighbors, &bandwidths);
        let (forth, back) = ((-0.5f32).exp(), (-1.0f32).exp());
        let edge = |from: usize, to: usize| {
            graph.edges(from).find(|&(target, _)| target == to).map(|(_, weight)| weight)
        };
        assert_eq!(edge(0, 1), Some(forth + back - forth * back));
        assert_eq!(edge(1, 0), edge(0, 1));
        assert_eq!(edge(2, 1), Some(1.0));
        assert_eq!(edge(1, 2), Some(1.0));
        assert_eq!(edge(0, 2), None);
    }

    #[test]
    fn weak_edges_go_from_both_ends() {
        let mut graph =
            Graph::from_rows(vec![vec![(1, 1.0), (2, 0.001)], vec![(0, 1.0)], vec![(0, 0.001)]]);
        graph.drop_weak(500);
        assert_eq!(graph.targets, [1, 0]);
        assert_eq!(graph.offsets, [0, 1, 2, 2]);
    }
}
