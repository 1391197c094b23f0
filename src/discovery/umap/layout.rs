//! Stochastic gradient descent over the graph's edges, with negative samples.

use super::curve;
use super::fuzzy::FuzzyGraph;
use crate::discovery::matrix::Matrix;
use crate::discovery::rng::Rng;

/// Negative samples drawn for each positive one.
const NEGATIVES: f64 = 5.0;

/// Moves `points` for `epochs` epochs: an edge of strength w is sampled every (largest w / w)-th epoch. One thread, in
/// the edges' order, so that the result depends on the seed alone; classes run beside each other.
pub(super) fn optimise(mut points: Matrix, graph: &FuzzyGraph, epochs: usize, seed: u64) -> Matrix {
    let (n, d) = (points.rows(), points.cols());
    let (a, b) = curve::parameters();
    let (a, b) = (a as f32, b as f32);
    let most = graph.edges.iter().map(|e| e.2).fold(0.0, f32::max);
    let every: Vec<f64> = graph.edges.iter().map(|e| f64::from(most / e.2)).collect();
    let mut due = every.clone();
    let mut negative_due: Vec<f64> = every.iter().map(|e| e / NEGATIVES).collect();
    let mut rng = Rng::fork(seed, 2);
    let data = points.data_mut();
    for epoch in 0..epochs {
        let (now, alpha) = (epoch as f64, 1.0 - epoch as f32 / epochs as f32);
        for (e, &(head, tail, _)) in graph.edges.iter().enumerate() {
            if due[e] > now {
                continue;
            }
            due[e] += every[e];
            let (i, j) = (head as usize * d, tail as usize * d);
            attract(data, i, j, d, a, b, alpha);
            let step = every[e] / NEGATIVES;
            let samples = ((now - negative_due[e]) / step).max(0.0) as usize;
            for _ in 0..samples {
                let other = rng.below(n) * d;
                if other != i {
                    repel(data, i, other, d, a, b, alpha);
                }
            }
            negative_due[e] += samples as f64 * step;
        }
    }
    points
}

fn squared(data: &[f32], i: usize, j: usize, d: usize) -> f32 {
    data[i..i + d].iter().zip(&data[j..j + d]).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn attract(data: &mut [f32], i: usize, j: usize, d: usize, a: f32, b: f32, alpha: f32) {
    let distance = squared(data, i, j, d);
    if distance <= 0.0 {
        return;
    }
    let power = distance.powf(b);
    let pull = -2.0 * a * b * (power / distance) / (a * power + 1.0);
    for c in 0..d {
        let step = alpha * (pull * (data[i + c] - data[j + c])).clamp(-4.0, 4.0);
        data[i + c] += step;
        data[j + c] -= step;
    }
}

fn repel(data: &mut [f32], i: usize, j: usize, d: usize, a: f32, b: f32, alpha: f32) {
    let distance = squared(data, i, j, d);
    if distance <= 0.0 {
        return;
    }
    let push = 2.0 * b / ((0.001 + distance) * (a * distance.powf(b) + 1.0));
    for c in 0..d {
        data[i + c] += alpha * (push * (data[i + c] - data[j + c])).clamp(-4.0, 4.0);
    }
}
