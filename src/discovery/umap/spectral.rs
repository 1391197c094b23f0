//! First positions: the leading eigenvectors of the graph's normalised Laplacian, which put
//! connected vertices side by side.

use super::fuzzy::Graph;
use crate::discovery::Matrix;
use crate::linalg::eigen::{Entry, Operator, PANEL, leading};
use crate::linalg::rng::Rng;

/// Largest coordinate before noise, and the side of the final box.
const EXTENT: f64 = 10.0;
/// Standard deviation of the noise that parts vertices with equal eigenvector entries.
const NOISE: f64 = 1e-4;

/// Positions for every vertex, each column scaled to [0, 10] as umap-learn hands them to its layout.
///
/// A connected graph is laid out by the eigenvectors of I − D^−½ W D^−½ with the smallest
/// eigenvalues but the first. Components are laid out one by one, each around its own anchor
/// point. A graph of no more than `dim + 1` vertices gets uniform random positions.
pub fn initial_positions(graph: &Graph, dim: usize, seed: u64) -> Matrix {
    let vertices = graph.vertices();
    let mut rng = Rng::new(seed, &[0x1217]);
    let mut positions = if vertices <= dim + 1 {
        random(vertices, dim, EXTENT, &mut rng)
    } else {
        let components = components(graph);
        let mut positions = match components.as_slice() {
            [_] => eigenvectors(graph, dim, seed),
            _ => by_component(graph, &components, dim, seed, &mut rng),
        };
        scale_to(&mut positions, EXTENT);
        positions.iter_mut().for_each(|value| *value += NOISE * rng.normal());
        positions
    };
    fit_columns(&mut positions, dim);
    Matrix::from_fn(vertices, dim, |row, col| positions[row * dim + col] as f32)
}

/// Uniform positions in [−extent, extent].
fn random(vertices: usize, dim: usize, extent: f64, rng: &mut Rng) -> Vec<f64> {
    (0..vertices * dim).map(|_| extent * (2.0 * rng.uniform() - 1.0)).collect()
}

/// Makes the largest magnitude `extent`.
fn scale_to(positions: &mut [f64], extent: f64) {
    let largest = positions.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    if largest > 0.0 {
        positions.iter_mut().for_each(|value| *value *= extent / largest);
    }
}

/// Shifts and stretches every column to [0, 10]; a column without extent becomes 0.
fn fit_columns(positions: &mut [f64], dim: usize) {
    for col in 0..dim {
        let column = positions.iter().skip(col).step_by(dim);
        let (low, high) = column
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        let scale = if high > low { EXTENT / (high - low) } else { 0.0 };
        for value in positions.iter_mut().skip(col).step_by(dim) {
            *value = (*value - low) * scale;
        }
    }
}

/// The graph's connected components, each ascending, in the order of their first vertices.
fn components(graph: &Graph) -> Vec<Vec<usize>> {
    let mut seen = vec![false; graph.vertices()];
    let mut components = Vec::new();
    for start in 0..graph.vertices() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start];
        let mut next = 0;
        while let Some(&vertex) = component.get(next) {
            next += 1;
            for (other, _) in graph.edges(vertex) {
                if !seen[other] {
                    seen[other] = true;
                    component.push(other);
                }
            }
        }
        component.sort_unstable();
        components.push(component);
    }
    components
}

/// Lays every component out around its own anchor, within half the distance to the nearest other.
fn by_component(
    graph: &Graph,
    components: &[Vec<usize>],
    dim: usize,
    seed: u64,
    rng: &mut Rng,
) -> Vec<f64> {
    let anchors = anchors(components.len(), dim, rng);
    let mut positions = vec![0.0; graph.vertices() * dim];
    for (at, component) in components.iter().enumerate() {
        let reach = half_gap(&anchors, at);
        let local = if component.len() < 2 * dim || component.len() <= dim + 1 {
            random(component.len(), dim, reach, rng)
        } else {
            let mut local = eigenvectors(&part(graph, component), dim, seed);
            scale_to(&mut local, reach);
            local
        };
        for (&vertex, place) in component.iter().zip(local.chunks_exact(dim)) {
            let target = &mut positions[vertex * dim..(vertex + 1) * dim];
            for ((value, offset), anchor) in target.iter_mut().zip(place).zip(&anchors[at]) {
                *value = offset + anchor;
            }
        }
    }
    positions
}

/// Anchor points: plus and minus the unit vectors while they last, else random directions. (The
/// reference then embeds the components' centroids, whose affinities all round to zero here.)
fn anchors(count: usize, dim: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    let half = count.div_ceil(2);
    if half <= dim {
        let unit = |at: usize| {
            let sign = if at < half { 1.0 } else { -1.0 };
            (0..dim).map(|col| if col == at % half { sign } else { 0.0 }).collect()
        };
        return (0..count).map(unit).collect();
    }
    (0..count).map(|_| (0..dim).map(|_| rng.normal()).collect()).collect()
}

/// Half the distance from one anchor to the nearest other.
fn half_gap(anchors: &[Vec<f64>], at: usize) -> f64 {
    let distance = |other: &Vec<f64>| {
        other.iter().zip(&anchors[at]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let gaps = anchors.iter().map(distance).filter(|&gap| gap > 0.0);
    let gap = gaps.fold(f64::INFINITY, f64::min);
    if gap.is_finite() { gap / 2.0 } else { 1.0 }
}

/// The subgraph on one component's vertices, renumbered in order.
fn part(graph: &Graph, component: &[usize]) -> Graph {
    let mut number = vec![0u32; graph.vertices()];
    for (new, &old) in (0u32..).zip(component) {
        number[old] = new;
    }
    let renumbered = |&vertex: &usize| {
        graph.edges(vertex).map(|(other, weight)| (number[other], weight)).collect()
    };
    Graph::from_rows(component.iter().map(renumbered).collect())
}

/// Row-major coordinates from eigenvectors 2 … dim + 1 of the normalised adjacency.
fn eigenvectors(graph: &Graph, dim: usize, seed: u64) -> Vec<f64> {
    let adjacency = Adjacency::new(graph);
    let vectors = leading(&adjacency, dim + 1, seed);
    let mut positions = vec![0.0; graph.vertices() * dim];
    for (col, vector) in vectors.iter().skip(1).enumerate() {
        for (row, &value) in vector.iter().enumerate() {
            positions[row * dim + col] = value;
        }
    }
    positions
}

/// D^−½ W D^−½, whose largest eigenvalues are the Laplacian's smallest.
struct Adjacency<'a> {
    graph: &'a Graph,
    /// The graph's weights, scaled.
    weights: Vec<f64>,
}

impl<'a> Adjacency<'a> {
    fn new(graph: &'a Graph) -> Self {
        let scale = |vertex| {
            let degree: f64 = graph.edges(vertex).map(|(_, weight)| f64::from(weight)).sum();
            if degree > 0.0 { degree.sqrt().recip() } else { 0.0 }
        };
        let scales: Vec<f64> = (0..graph.vertices()).map(scale).collect();
        let mut weights = Vec::with_capacity(graph.weights.len());
        for (vertex, scale) in scales.iter().enumerate() {
            let edges = graph.edges(vertex);
            weights.extend(edges.map(|(other, w)| f64::from(w) * scales[other] * scale));
        }
        Self { graph, weights }
    }
}

impl Operator for Adjacency<'_> {
    fn size(&self) -> usize {
        self.graph.vertices()
    }

    fn apply(&self, input: &[Entry], output: &mut [Entry]) {
        for (entry, ends) in output.iter_mut().zip(self.graph.offsets.windows(2)) {
            let edges = ends[0]..ends[1];
            let mut sums = [0.0f64; PANEL];
            for (&other, weight) in
                self.graph.targets[edges.clone()].iter().zip(&self.weights[edges])
            {
                let input = &input[other as usize];
                for lane in 0..PANEL {
                    sums[lane] += weight * input[lane];
                }
            }
            *entry = sums;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rings of `size` vertices, `count` of them, without a link between them.
    fn rings(size: u32, count: u32) -> Graph {
        let ring = |vertex: u32| {
            let base = vertex / size * size;
            let mut row =
                vec![(base + (vertex + 1) % size, 1.0), (base + (vertex + size - 1) % size, 1.0)];
            row.sort_by_key(|edge| edge.0);
            row
        };
        Graph::from_rows((0..size * count).map(|vertex| ring(vertex % (size * count))).collect())
    }

    #[test]
    fn a_ring_is_laid_out_as_a_circle() {
        let positions = initial_positions(&rings(40, 1), 2, 5);
        for vertex in 0..40 {
            let row = positions.row(vertex);
            let radius = (row[0] - 5.0).hypot(row[1] - 5.0);
            assert!((radius - 5.0).abs() < 0.2, "{vertex}: {row:?}");
        }
    }

    #[test]
    fn components_lie_apart_and_everything_is_finite() {
        for (size, count, dim) in [(12, 3, 2), (4, 9, 2), (3, 1, 5), (1, 6, 2), (30, 2, 4)] {
            let positions = initial_positions(&rings(size, count), dim, 5);
            let inside = |value: &f32| (0.0..=10.0).contains(value);
            assert!(positions.as_slice().iter().all(inside), "{size} {count} {dim}");
        }
        let apart = initial_positions(&rings(12, 2), 2, 5);
        let (first, second) = (&apart.as_slice()[..24], &apart.as_slice()[24..]);
        let most = second.iter().step_by(2).fold(f32::MIN, |most, &x| most.max(x));
        // The two boxes touch, up to the noise.
        assert!(first.iter().step_by(2).all(|&x| x > most - 0.01));
    }
}
