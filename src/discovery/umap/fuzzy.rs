//! Neighbour distances to membership strengths, and their fuzzy union.

use crate::discovery::neighbors::Neighbors;

/// A symmetric graph: edges both ways, sorted by head then tail.
#[derive(Debug, Clone, PartialEq)]
pub struct FuzzyGraph {
    /// (head, tail, strength in (0, 1]).
    pub edges: Vec<(u32, u32, f32)>,
}

impl FuzzyGraph {
    /// Drops edges so weak that `epochs` epochs would never sample them.
    pub(super) fn prune(&mut self, epochs: usize) {
        let most = self.edges.iter().map(|e| e.2).fold(0.0, f32::max);
        self.edges.retain(|e| e.2 >= most / epochs as f32 && e.2 > 0.0);
    }
}

/// The bandwidth search ends when the sum is this near to log2(k).
const NEAR: f64 = 1e-5;
/// The least bandwidth, as a share of the mean distance.
const LEAST: f64 = 1e-3;

/// For each point σ, such that Σ exp(−(d − ρ)/σ) over its neighbours is log2(k), and ρ, the distance to the first
/// neighbour at a distance above 0.
pub fn smooth_distances(neighbors: &Neighbors, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mean_of = |d: &[f32]| d.iter().map(|v| f64::from(*v)).sum::<f64>() / d.len().max(1) as f64;
    let mean_all = mean_of(&neighbors.distances);
    (0..n)
        .map(|i| {
            let own = &neighbors.distances[i * neighbors.k..(i + 1) * neighbors.k];
            let rho = own.iter().copied().find(|d| *d > 0.0).map_or(0.0, f64::from);
            let sigma = bandwidth(own, rho, (neighbors.k as f64).log2());
            let mean = if rho > 0.0 { mean_of(own) } else { mean_all };
            (sigma.max(LEAST * mean), rho)
        })
        .unzip()
}

fn bandwidth(distances: &[f32], rho: f64, target: f64) -> f64 {
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let sum: f64 = distances[1.min(distances.len())..]
            .iter()
            .map(|d| f64::from(*d) - rho)
            .map(|d| if d > 0.0 { (-d / sigma).exp() } else { 1.0 })
            .sum();
        if (sum - target).abs() < NEAR {
            break;
        }
        if sum > target {
            high = sigma;
            sigma = (low + high) / 2.0;
        } else {
            low = sigma;
            sigma = if high.is_finite() { (low + high) / 2.0 } else { sigma * 2.0 };
        }
    }
    sigma
}

/// Membership strengths a of each directed neighbour pair, united with their transpose: a + b − ab.
pub fn fuzzy_graph(neighbors: &Neighbors, n: usize) -> FuzzyGraph {
    let (sigma, rho) = smooth_distances(neighbors, n);
    let mut directed: Vec<(u32, u32, f32)> = Vec::with_capacity(n * neighbors.k);
    for i in 0..n {
        for (j, distance) in neighbors.of(i).filter(|(j, _)| *j != i) {
            let over = f64::from(distance) - rho[i];
            let strength =
                if over <= 0.0 || sigma[i] == 0.0 { 1.0 } else { (-over / sigma[i]).exp() };
            directed.push((i as u32, j as u32, strength as f32));
        }
    }
    let mut both = directed.clone();
    both.extend(directed.iter().map(|&(i, j, s)| (j, i, s)));
    both.sort_by_key(|e| (e.0, e.1));
    let union = |a: (u32, u32, f32), b: (u32, u32, f32)| (a.0, a.1, a.2 + b.2 - a.2 * b.2);
    let mut edges: Vec<(u32, u32, f32)> = Vec::with_capacity(both.len());
    for edge in both {
        match edges.last_mut() {
            Some(last) if (last.0, last.1) == (edge.0, edge.1) => *last = union(*last, edge),
            _ => edges.push(edge),
        }
    }
    edges.retain(|e| e.2 > 0.0);
    FuzzyGraph { edges }
}
