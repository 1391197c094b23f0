//! The start: eigenvectors of the graph's normalised Laplacian, by subspace iteration.

use super::fuzzy::FuzzyGraph;
use crate::discovery::matrix::Matrix;
use crate::discovery::rng::Rng;

/// Iterations of the subspace.
const ITERATIONS: usize = 200;

/// The eigenvectors after the trivial one, scaled to 10 and jittered as the reference does. `None` where the graph has
/// several components or too few points: the caller then starts at random.
pub(super) fn start(
    graph: &FuzzyGraph,
    n: usize,
    components: usize,
    rng: &mut Rng,
) -> Option<Matrix> {
    let width = components + 1;
    if n < 2 * width + 2 || !connected(graph, n) {
        return None;
    }
    let mut degree = vec![0.0_f64; n];
    graph.edges.iter().for_each(|e| degree[e.0 as usize] += f64::from(e.2));
    let scale: Vec<f64> = degree.iter().map(|d| 1.0 / d.sqrt()).collect();
    let mut basis: Vec<Vec<f64>> =
        (0..width).map(|_| (0..n).map(|_| rng.normal()).collect()).collect();
    if let Some(first) = basis.first_mut() {
        *first = degree.iter().map(|d| d.sqrt()).collect();
    }
    orthonormalise(&mut basis);
    for _ in 0..ITERATIONS {
        for vector in &mut basis {
            // (D^-½ W D^-½ + I) / 2: the Laplacian's small eigenvalues are its large ones.
            let mut next = vector.clone();
            for &(i, j, w) in &graph.edges {
                let (i, j) = (i as usize, j as usize);
                next[i] += f64::from(w) * scale[i] * scale[j] * vector[j];
            }
            *vector = next;
        }
        orthonormalise(&mut basis);
    }
    let largest = basis[1..].iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut start = Matrix::zeros(n, components);
    for i in 0..n {
        for (j, value) in start.row_mut(i).iter_mut().enumerate() {
            *value = (basis[j + 1][i] * 10.0 / largest + 1e-4 * rng.normal()) as f32;
        }
    }
    Some(start)
}

fn connected(graph: &FuzzyGraph, n: usize) -> bool {
    let mut parent: Vec<usize> = (0..n).collect();
    fn find(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    for &(i, j, _) in &graph.edges {
        let (a, b) = (find(&mut parent, i as usize), find(&mut parent, j as usize));
        parent[a] = b;
    }
    let root = find(&mut parent, 0);
    (0..n).all(|i| find(&mut parent, i) == root)
}

fn orthonormalise(basis: &mut [Vec<f64>]) {
    for i in 0..basis.len() {
        let (done, rest) = basis.split_at_mut(i);
        let Some(vector) = rest.first_mut() else { return };
        for other in done.iter() {
            let dot: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
            vector.iter_mut().zip(other).for_each(|(v, o)| *v -= dot * o);
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}
